/** What a page of the console may do: load scripts, styles, pictures and fonts of its own origin, talk to its own origin, and stand in no frame.
 *  No inline script and no inline style element: what is injected into a page neither runs nor draws. No `unsafe-inline` for `style` attributes either: the console sets styles through the CSSOM, which no policy counts.
 *  `trusted-types`: texts of objects cannot become markup, even by a mistake of ours; `orrery` makes the addresses of workers. */
const POLICY: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types orrery",
].join("; ");

/** Of everything that is served below /console/. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  // For browsers that do not know frame-ancestors.
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
};
