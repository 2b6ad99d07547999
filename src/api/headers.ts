import { obey } from './rate-headers.ts';
import type { ApiContext, App } from './context.ts';

/** For answers that are data: nothing may be sniffed, framed, stored or run. The pages set their own policy. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
};
const TRANSPORT_SECURITY = 'max-age=31536000';
const EXPOSED =
  'Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Parley-Leader, Parley-Term, Parley-Commit, Parley-Stale, Accept-Ranges, Content-Range, ETag';
const PREFLIGHT_SECONDS = '600';

/** Headers of every answer, and the checks that every request passes before its route. */
export function addCommonHooks(app: App, context: ApiContext): void {
  const { node, limits, origins, rates, addresses, config } = context;

  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(SECURITY_HEADERS);
    if (config.tls !== undefined) reply.header('strict-transport-security', TRANSPORT_SECURITY);
    const { origin } = request.headers;
    try {
      if (origin !== undefined) {
        reply.header('vary', 'Origin');
        origins.check(origin);
        reply.header('access-control-allow-origin', origin);
        reply.header('access-control-expose-headers', EXPOSED);
      }
      const address = addresses.of(request.raw);
      obey(rates.address(address), reply);
      refuseBanned(context, address, request.headers.authorization);
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  });

  app.addHook('onSend', (_request, reply, payload, done) => {
    const { leader, term, commitIndex } = node.raftView();
    if (leader !== null) reply.header('parley-leader', leader);
    reply.header('parley-term', term);
    reply.header('parley-commit', commitIndex);
    if (node.leaderlessMs() > limits.staleAfterMs) reply.header('parley-stale', 'true');
    done(null, payload);
  });
}

/** Who holds the admin token of a node gets through from anywhere: a ban can always be lifted. */
function refuseBanned({ addressBans, auth }: ApiContext, address: string, authorization: string | undefined): void {
  const refusal = addressBans.refusalOf(address);
  if (refusal === undefined) return;
  if (authorization === undefined || !auth.isAdminToken(authorization)) throw refusal;
}

/** Preflights of browsers, for every path. */
export function addPreflight(app: App): void {
  app.options('*', { schema: { hide: true } }, (_request, reply) =>
    reply
      .code(204)
      .headers({
        'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
        'access-control-allow-headers': 'Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Range',
        'access-control-max-age': PREFLIGHT_SECONDS,
      })
      .send(),
  );
}
