/** The version of this package, written into models as their producer's. */
export const VERSION = "0.1.0";
