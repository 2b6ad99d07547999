import type { FastifyReply, FastifyRequest } from 'fastify';
import { readWebFiles } from '../web-files.ts';
import type { ApiContext, App } from '../context.ts';
import type { Origins } from '../origin.ts';
import type { WebFile } from '../web-files.ts';

/** Where the app shows something of its own; it is the same page. */
const PLACES = [
  '/',
  '/r/:room',
  '/r/:room/:seq',
  '/search',
  '/search/:room',
  '/people',
  '/people/:name',
  '/settings',
  '/join',
  '/cluster',
];
const SHELL = 'index.html';

/** The web app, and without one a way to the status page. */
export function addWebApp(app: App, { config, origins }: ApiContext): void {
  const files = config.webFolder === null ? new Map<string, WebFile>() : readWebFiles(config.webFolder);
  const shell = files.get(SHELL);
  if (shell === undefined) {
    app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/status'));
    return;
  }
  for (const place of PLACES) {
    app.get(place, { schema: { hide: true } }, (request, reply) => send(request, reply, shell, origins));
  }
  for (const [path, file] of files) {
    if (path === SHELL) continue;
    app.get(`/${path}`, { schema: { hide: true } }, (request, reply) => send(request, reply, file, origins));
  }
}

function send(request: FastifyRequest, reply: FastifyReply, file: WebFile, origins: Origins): FastifyReply {
  void reply.headers({
    'content-security-policy': policyOf(origins),
    'cache-control': file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    'permissions-policy': 'camera=(self), geolocation=(), microphone=(), payment=(), usb=()',
    etag: file.etag,
    vary: 'Accept-Encoding, Origin',
  });
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
  void reply.type(file.type);
  const takesBrotli = /\bbr\b/.test(request.headers['accept-encoding'] ?? '');
  if (file.brotli === null || !takesBrotli) return reply.send(file.bytes);
  return reply.header('content-encoding', 'br').send(file.brotli);
}

/**
 * Only what this node serves runs, nothing is made of text, and the app talks to nodes of this cluster alone. What is
 * shown of files are blobs that the app has decrypted.
 */
function policyOf(origins: Origins): string {
  // The grammar of sources knows no IPv6 addresses; this node itself is 'self', whatever it is called.
  const named = origins.list().filter((origin) => !origin.includes('['));
  const nodes = named.flatMap((origin) => [origin, origin.replace(/^http/, 'ws')]);
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' blob:",
    'media-src blob:',
    `connect-src ${["'self'", ...nodes].join(' ')}`,
    "manifest-src 'self'",
    "worker-src 'self'",
    'frame-src blob:',
    "require-trusted-types-for 'script'",
    'trusted-types svelte-trusted-html parley-worker',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
