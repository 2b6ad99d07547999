import { EventsQuery } from '../../protocol/http/queries.ts';
import { SentEvents } from '../gateway/sent-events.ts';
import { sessionOf } from '../route-hooks.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** The live feed as server-sent events. */
export function addEventRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  app.get(
    '/v1/events',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['events'],
        summary: 'Server-sent events: what follows the cursor, then what happens',
        description: 'The frames of /v1/ws that a server sends, one JSON object per event; the id is the cursor.',
        querystring: EventsQuery,
      },
    },
    async (request, reply) => {
      const session = sessionOf(request);
      context.auth.checkInTouch();
      const lastEventId = request.headers['last-event-id'];
      const cursor = request.query.cursor ?? (typeof lastEventId === 'string' ? lastEventId : null);
      reply.hijack();
      // Fastify sends no headers for a reply that it gave away: those set so far go out by hand.
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      reply.raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
      reply.raw.flushHeaders();
      await new SentEvents(context, session, reply.raw).start(cursor);
    },
  );
}
