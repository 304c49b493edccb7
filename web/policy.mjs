const RULES = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
];

/** What the pages may do: load their own files and compile WebAssembly. `page` stands in each page, for
 * servers that cannot be told; `header` has what only a header can say. */
export const POLICY = {
  page: RULES.join("; "),
  header: [...RULES, "frame-ancestors 'none'"].join("; "),
};
