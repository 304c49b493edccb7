/** A row of the table of movies. */
export interface Movie {
  readonly title: string;
  readonly year: number;
  /** Rating of the audience, to 10. */
  readonly audience: number;
  /** Share of critics in favour, to 100. */
  readonly critics: number;
  /** Worldwide, in millions of dollars. */
  readonly gross: number;
}

export const FEATURES = ["audience", "critics", "gross"] as const;

/** The features of movies, each with mean 0 and deviation 1; money by its logarithm. */
export function standardFeatures(movies: readonly Movie[]): number[][] {
  const columns = FEATURES.map((name) => {
    const values = movies.map((movie) => (name === "gross" ? Math.log(movie.gross) : movie[name]));
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const deviation = Math.sqrt(
      values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length,
    );
    return values.map((x) => (x - mean) / deviation);
  });
  return movies.map((_, i) => columns.map((column) => column[i] as number));
}
