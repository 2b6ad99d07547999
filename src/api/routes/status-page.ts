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

/** Which nodes are up, and who leads: for anybody, and without the web app. */
export function addStatusPage(app: App): void {
  app.get('/status', { schema: { hide: true } }, (_request, reply) =>
    reply.header('content-security-policy', POLICY).type('text/html; charset=utf-8').send(STATUS_PAGE),
  );
}

/** Only exactly this text may run. */
function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
