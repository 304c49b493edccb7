let decoder: { decode(bytes: Uint8Array): string } | undefined;

/** The text of UTF-8 bytes; undefined if they are none. */
export function utf8(bytes: Uint8Array): string | undefined {
  decoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
