import { createHash } from 'node:crypto';
import { STATUS_PAGE, STATUS_SCRIPT, STATUS_STYLE } from './status-page-html.ts';
import type { App } from '../context.ts';

const POLICY = [
  "default-src 'none'",
  `script-src '${hashOf(STATUS_SCRIPT)}'`,
  `style-src '${hashOf(STATUS_STYLE)}'`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** What a browser sees until there is a web app: which nodes are up, and who leads. */
export function addStatusPage(app: App): void {
  app.get('/', { schema: { hide: true } }, (_request, reply) =>
    reply.header('content-security-policy', POLICY).type('text/html; charset=utf-8').send(STATUS_PAGE),
  );
}

/** Only exactly this text may run. */
function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
