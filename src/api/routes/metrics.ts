import { Type } from '@sinclair/typebox';
import type { ApiMeasures } from '../metrics/api-rows.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';
import type { Gateway } from '../gateway/gateway.ts';

const MetricsReply = Type.String({
  description: 'The text format of Prometheus; docs/METRICS.md names what is in it.',
});

/** This node in numbers, for Prometheus: for whoever may administer, because it tells how the cluster is used. */
export function addMetricsRoute(app: App, context: ApiContext, hooks: RouteHooks, gateway: Gateway): void {
  const { node, metrics } = context;
  app.get(
    '/metrics',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'This node in numbers',
        response: { 200: { content: { 'text/plain': { schema: MetricsReply } } } },
      },
    },
    async (_request, reply) => {
      const measures = await node.measures();
      const text = await metrics.text(measures, measuresOf(context, gateway, measures.raft?.commandsWaiting ?? 0));
      return reply.type(metrics.contentType).send(text);
    },
  );
}

/** Counts every request that is answered, under its route; all that is none goes under one name. */
export function countRequests(app: App, { metrics }: ApiContext): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request;
    metrics.answered({ method, route: routeOptions.url ?? 'none' }, reply.statusCode, reply.elapsedTime);
    done();
  });
}

function measuresOf({ node, feeds, receipts, hub, live }: ApiContext, gateway: Gateway, commands: number): ApiMeasures {
  const webSockets = gateway.size;
  return {
    version: node.version,
    webSockets,
    sentEvents: Math.max(0, feeds.size - webSockets),
    queuedBytes: gateway.queuedBytes,
    presenceWatches: live.watchCount,
    queues: {
      commands,
      receipts: receipts.waitingCount,
      'feed-entries': hub.waitingCount,
      'feed-readers': hub.readersWaiting,
    },
  };
}
