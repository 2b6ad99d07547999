import { randomBytes } from 'node:crypto';
import { DiagnosisReply } from '../../protocol/http/diagnosis.ts';
import { StateHashesQuery } from '../../protocol/http/queries.ts';
import {
  CompactReply,
  InviteBody,
  InviteReply,
  LeaderBody,
  LeaderReply,
  MembersBody,
  StateHashesReply,
  StatusReply,
} from '../../protocol/http/schemas.ts';
import { makeTxnId } from '../../protocol/txn-id.ts';
import { ASKS_THE_CLUSTER, THROUGH_THE_LOG } from '../documented-errors.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import { inviteHashOf } from './accounts.ts';
import type { NodeName, StampMs } from '../../protocol/ids.ts';
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

  app.get(
    '/v1/admin/state-hashes',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'State hashes of this node, to be compared between nodes',
        querystring: StateHashesQuery,
        response: { 200: StateHashesReply },
      },
    },
    ({ query }) => node.stateHashes(query.rows ?? false),
  );

  app.get(
    '/v1/admin/diagnosis',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'What this node alone can say about itself and the cluster',
        response: { 200: DiagnosisReply },
      },
    },
    () => node.diagnosis(),
  );

  app.post(
    '/v1/admin/compact',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Put the state of this node on disk now, and drop the log that it covers',
        response: { 200: CompactReply },
      },
    },
    () => node.compact(),
  );

  app.post(
    '/v1/admin/members',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Let a node in or out of the cluster; asked of the leader',
        body: MembersBody,
        response: { 200: StatusReply },
        errors: [
          ...ASKS_THE_CLUSTER,
          'not_leader',
          'no_such_node',
          'already_member',
          'behind',
          'quorum_at_risk',
          'change_in_progress',
          'too_many',
        ],
      },
    },
    async ({ body }) => {
      await node.changeMembers(body.verb, body.node as NodeName);
      return node.status();
    },
  );

  app.post(
    '/v1/admin/leader',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Hand leadership to another voter; asked of the leader',
        body: LeaderBody,
        response: { 200: LeaderReply },
        errors: [...ASKS_THE_CLUSTER, 'not_leader', 'no_such_node', 'behind', 'quorum_at_risk'],
      },
    },
    async ({ body }) => ({ leader: await node.transferLeadership(body.to as NodeName | null) }),
  );

  app.post(
    '/v1/admin/invites',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Invite one person',
        body: InviteBody,
        response: { 200: InviteReply },
        errors: THROUGH_THE_LOG,
      },
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
