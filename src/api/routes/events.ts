import { Type } from '@sinclair/typebox';
import { EventsQuery } from '../../protocol/http/queries.ts';
import { feedStart } from '../gateway/feed-start.ts';
import { SentEvents } from '../gateway/sent-events.ts';
import { sessionOf } from '../route-hooks.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

const EventStream = Type.String({ description: 'Each `data:` is one frame as JSON; `event:` is its type.' });

/** The live feed as server-sent events. */
export function addEventRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  app.get(
    '/v1/events',
    {
      onRequest: hooks.loggedIn,
      // The stream has no length and no end to tell of.
      exposeHeadRoute: false,
      schema: {
        tags: ['events'],
        summary: 'Server-sent events: what follows the cursor, then what happens',
        description: 'The frames of /v1/ws that a server sends, one JSON object per event; the id is the cursor.',
        querystring: EventsQuery,
        response: { 200: { description: 'The stream', content: { 'text/event-stream': { schema: EventStream } } } },
      },
    },
    async (request, reply) => {
      const session = sessionOf(request);
      context.auth.checkInTouch();
      const address = context.addresses.of(request.raw);
      let stream: SentEvents | null = null;
      const place = context.feeds.open(address, (error) => stream?.end(error));
      try {
        place.assign(session.account);
        const from = await feedStart(context, cursorOf(request, request.query.cursor));
        // It may have been banned meanwhile, when there was no stream yet to end.
        context.addressBans.check(address);
        beginStream(reply);
        const presence = request.query.presence ?? 'online';
        stream = new SentEvents(context, { session, presence }, reply.raw, () => place.release());
        stream.start(from);
      } catch (error) {
        place.release();
        throw error;
      }
    },
  );
}

/** What a browser that lost the stream says comes first: the address it opens again is the one it began with. */
function cursorOf(request: FastifyRequest, cursor: string | undefined): string | null {
  const lastEventId = request.headers['last-event-id'];
  return typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : (cursor ?? null);
}

function beginStream(reply: FastifyReply): void {
  reply.hijack();
  // Fastify sends no headers for a reply that it gave away: those set so far go out by hand.
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
  reply.raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
  reply.raw.flushHeaders();
}
