import { randomBytes } from 'node:crypto';
import { InviteBody, InviteReply, StatusReply } from '../../protocol/http/schemas.ts';
import { makeTxnId } from '../../protocol/txn-id.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import { inviteHashOf } from './accounts.ts';
import type { StampMs } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

const INVITE_BYTES = 16;
const TXN_RANDOM_BYTES = 10;

/** For those who hold the admin token of a node. */
export function addAdminRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node, time } = context;

  app.get(
    '/v1/admin/status',
    {
      onRequest: hooks.admin,
      schema: { tags: ['admin'], summary: 'The state of all nodes', response: { 200: StatusReply } },
    },
    () => node.status(),
  );

  app.post(
    '/v1/admin/invites',
    {
      onRequest: hooks.admin,
      schema: { tags: ['admin'], summary: 'Invite one person', body: InviteBody, response: { 200: InviteReply } },
    },
    async ({ body }) => {
      const invite = randomBytes(INVITE_BYTES).toString('base64url');
      const { expiresAt } = await submit(context, {
        kind: 'invite.create',
        actor: null,
        txnId: makeTxnId(time.nowMs(), randomBytes(TXN_RANDOM_BYTES)),
        body: { inviteHash: inviteHashOf(invite), expiresAt: (time.nowMs() + body.ttlMs) as StampMs },
      });
      return { invite, expiresAt: timeOf(expiresAt) };
    },
  );
}
