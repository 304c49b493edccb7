/** Loads a package that only pictures need, so that nobody else has to install it.
 * @throws Error that says what to install */
export async function optionalModule<Module>(
  load: () => Promise<Module>,
  packages: string,
): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") throw cause;
    throw new Error(`this picture needs ${packages}: npm i ${packages}`, { cause });
  }
}
