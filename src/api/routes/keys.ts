import { KeysReply } from '../../protocol/http/keys.ts';
import { ASKS_THE_CLUSTER } from '../documented-errors.ts';
import { timeOf } from '../time-text.ts';
import { noteNodeAct } from '../note-node-act.ts';
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
        response: { 200: KeysReply },
        errors: [...ASKS_THE_CLUSTER, 'not_leader'],
      },
    },
    async (request) => {
      await node.rotateKeys();
      await noteNodeAct(context, request, 'keys.rotated', node.name);
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
