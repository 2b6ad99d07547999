import { KeysReply } from '../../protocol/http/keys.ts';
import { TxnQuery } from '../../protocol/http/queries.ts';
import { actOnNode } from '../act-on-node.ts';
import { ACTS_ON_NODES } from '../documented-errors.ts';
import { txnIdIfAny } from '../route-hooks.ts';
import { timeOf } from '../time-text.ts';
import type { KeysJson } from '../../protocol/http/keys.ts';
import type { ChatNode } from '../../node/ports.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** The key that nodes share: how it stands with it, and another one. */
export function addKeyRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;

  app.get(
    '/v1/admin/keys',
    {
      onRequest: hooks.admin,
      schema: { tags: ['admin'], summary: 'The key that nodes share, and who has it', response: { 200: KeysReply } },
    },
    () => keysOf(node),
  );

  app.post(
    '/v1/admin/keys/rotate',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Let the nodes go over to a new key now; asked of the leader',
        querystring: TxnQuery,
        response: { 200: KeysReply },
        errors: [...ACTS_ON_NODES, 'not_leader'],
      },
    },
    async (request) => {
      const asked = { act: 'keys.rotated', node: null, txnId: txnIdIfAny(request, request.query) } as const;
      await actOnNode(context, request, asked, async () => {
        await node.rotateKeys();
        return node.name;
      });
      return keysOf(node);
    },
  );
}

function keysOf(node: ChatNode): KeysJson {
  const { epoch, cause, since, ageMs, nextInMs, nodes } = node.keyRing();
  return {
    epoch,
    cause,
    since: since === null ? null : timeOf(since),
    ageMs: whole(ageMs),
    nextInMs: whole(nextInMs),
    nodes: [...nodes],
  };
}

const whole = (ms: number | null): number | null => (ms === null ? null : Math.round(ms));
