import { createHash } from 'node:crypto';
import { asyncApiDocument } from '../docs/async-api.ts';
import { docsPage } from '../docs/docs-page.ts';
import { DOCS_STYLE } from '../docs/docs-style.ts';
import type { FastifyRequest } from 'fastify';
import type { ApiDescription } from '../docs/operations.ts';
import type { ApiContext, App } from '../context.ts';

/** Only exactly this style; nothing runs, and nothing is fetched. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(DOCS_STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** What this API is, for programs (`/v1/openapi.json`, `/v1/asyncapi.json`) and for people (`/docs`). */
export function addDocsRoutes(app: App, context: ApiContext): void {
  const { node } = context;
  app.get('/v1/openapi.json', { schema: { hide: true } }, () => app.swagger());
  app.get('/v1/asyncapi.json', { schema: { hide: true } }, () =>
    asyncApiDocument({
      version: node.version,
      nodes: node.clusterView().nodes.flatMap(({ id, url }) => (url === null ? [] : [{ id, url }])),
    }),
  );
  app.get('/docs', { schema: { hide: true } }, (request, reply) =>
    reply
      .header('content-security-policy', POLICY)
      .type('text/html; charset=utf-8')
      .send(docsPage(app.swagger() as unknown as ApiDescription, baseOf(context, request))),
  );
}

/** What stands in the examples: what clients are told of this node, else the address that was asked. */
function baseOf({ config, node }: ApiContext, request: FastifyRequest): string {
  const own = node.clusterView().nodes.find(({ id }) => id === node.name)?.url;
  return config.advertiseUrl ?? own ?? `${request.protocol}://${request.host}`;
}
