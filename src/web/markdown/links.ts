const SCHEMES = new Set(['http:', 'https:', 'mailto:']);

/** The address as a browser would follow it, or null for what people are not to be led to by a message. */
export function safeHref(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  return SCHEMES.has(url.protocol) ? url.href : null;
}
