import { ParleyError } from '../protocol/errors.ts';

/**
 * `URL[,URL…]` as `--endpoint` takes it.
 * @returns origins, in the given order
 * @throws ParleyError `usage`
 */
export function parseEndpoints(text: string): string[] {
  return text.split(',').map((part) => {
    const url = part.trim();
    const parsed = URL.canParse(url) ? new URL(url) : null;
    // Whatever an origin does not hold would be left out without a word.
    const isOrigin = parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.href === `${parsed.origin}/`;
    if (!isOrigin) throw new ParleyError('usage', `--endpoint: “${url}” is not a URL like http://127.0.0.1:8081.`);
    return parsed.origin;
  });
}
