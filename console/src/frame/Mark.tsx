/** The sign of the product: a body, its sun and an orbit. */
export function Mark({ className }: { readonly className?: string }) {
  return (
    <svg className={className} viewBox="0 0 32 32" width="24" height="24" aria-hidden="true" focusable="false">
      <g fill="none" stroke="currentColor">
        <ellipse cx="16" cy="16" rx="13" ry="5.6" transform="rotate(-28 16 16)" strokeWidth="1.6" />
        <circle cx="16" cy="16" r="6.6" strokeWidth="1.1" opacity=".55" />
      </g>
      <circle cx="16" cy="16" r="2.7" fill="currentColor" />
      <circle cx="26.2" cy="8.4" r="2.7" fill="var(--accent)" />
    </svg>
  );
}
