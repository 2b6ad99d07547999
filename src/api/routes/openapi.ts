import swagger from '@fastify/swagger';
import { Problem } from '../../protocol/http/schemas.ts';
import { errorResponses } from '../documented-errors.ts';
import type { FastifySchema } from 'fastify';
import type { App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

const DESCRIPTION = `Any node answers everything. Requests that change something carry a transaction id and may be
repeated safely. Errors are RFC 9457 problem details with a stable \`code\`. The live feed is a WebSocket at \`/v1/ws\`.`;

/** An admin of the server may use a session of its own. */
const SCHEMES = {
  session: [{ session: [] }],
  proven: [{ grant: [] }, { session: [] }],
  admin: [{ admin: [] }, { session: [] }],
};

/** Has to come before the routes, which it listens to. */
export function describeRoutes(app: App, version: string, hooks: RouteHooks): void {
  app.addSchema(Problem);
  void app.register(swagger, {
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, i) => (typeof $id === 'string' ? $id : `def-${i}`),
    },
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Parley', version, description: DESCRIPTION },
      components: {
        securitySchemes: {
          session: { type: 'http', scheme: 'bearer', description: 'p1.<session>.<secret>' },
          grant: {
            type: 'http',
            scheme: 'bearer',
            description: 'g1.<secret>, of a login by password or recovery code',
          },
          admin: { type: 'http', scheme: 'bearer', description: 'The admin token of a node.' },
        },
      },
    },
    transform: ({ schema, url, route }) => ({ url, schema: completed(schema, securityOf(route.onRequest, hooks)) }),
  });
}

type Scheme = keyof typeof SCHEMES;

function completed(schema: FastifySchema | undefined, scheme: Scheme | null): FastifySchema {
  const { errors, ...described } = schema ?? {};
  const failures = errorResponses({ ...described, errors: errors ?? [] }, scheme === 'proven' ? 'session' : scheme);
  const response = { ...(described.response as object | undefined), ...failures };
  return { ...described, response, ...(scheme === null ? {} : { security: SCHEMES[scheme] }) };
}

function securityOf(onRequest: unknown, hooks: RouteHooks): Scheme | null {
  const list: unknown[] = Array.isArray(onRequest) ? onRequest : [onRequest];
  if (list.includes(hooks.loggedIn) || list.includes(hooks.transfer)) return 'session';
  if (list.includes(hooks.proven)) return 'proven';
  return list.includes(hooks.admin) ? 'admin' : null;
}
