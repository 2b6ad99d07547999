import { ParleyError } from '../protocol/errors.ts';

/** Whether what is sent to this URL can be read on the way: plain HTTP that leaves the machine. */
export function isReadableOnTheWay(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol !== 'https:' && !isLoopback(hostname);
}

/** @throws ParleyError `usage`: tokens must not travel in clear where others can listen, unless that is wanted */
export function refusePlainHttp(urls: readonly string[]): void {
  const readable = urls.find(isReadableOnTheWay);
  if (readable === undefined) return;
  throw new ParleyError(
    'usage',
    `${readable} is plain HTTP, which shows whoever is on the way what is sent: use https, or --insecure-http.`,
  );
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || isIPv4Loopback(hostname)
  );
}

const isIPv4Loopback = (hostname: string): boolean => /^127(\.\d{1,3}){3}$/.test(hostname);
