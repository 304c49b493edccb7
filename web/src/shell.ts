import { byId } from "./dom.ts";
import { showStatus } from "./runtime.ts";

/** What every page has: the choice of light or dark, and what the browser can do. */
export function startPage(): void {
  const button = byId("theme", HTMLButtonElement);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () =>
    (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  try {
    const kept = localStorage.getItem("theme");
    if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
  } catch {
    // A browser may forbid to keep anything: then the system's choice holds.
  }
  button.addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // As above.
    }
    show();
  });
  dark.addEventListener("change", show);
  show();
  // What scrolls sideways must do so by the keyboard as well.
  const focusable = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const part = target.closest<HTMLElement>(".scroll");
      if (part === null) continue;
      if (part.scrollWidth > part.clientWidth || part.scrollHeight > part.clientHeight) {
        part.tabIndex = 0;
      } else part.removeAttribute("tabindex");
    }
  });
  for (const part of document.querySelectorAll(".scroll, .scroll > *")) focusable.observe(part);
  void showStatus(byId("status", HTMLParagraphElement));
}
