import { createHmac } from 'node:crypto';
import { DiagnosisReply } from '../../protocol/http/diagnosis.ts';
import { StateHashesQuery, TxnQuery } from '../../protocol/http/queries.ts';
import {
  CompactReply,
  DiskKeysReply,
  InviteBody,
  InviteReply,
  LeaderBody,
  LeaderReply,
  MembersBody,
  StateHashesReply,
  StatusReply,
} from '../../protocol/http/schemas.ts';
import { labelled } from '../../protocol/labelled.ts';
import { ACTS_ON_NODES, THROUGH_THE_LOG } from '../documented-errors.ts';
import { actKeyOf, actOnNode } from '../act-on-node.ts';
import { txnIdIfAny } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import { inviteHashOf } from './accounts.ts';
import type { NodeAct } from '../../protocol/audit.ts';
import type { NodeName, TxnId } from '../../protocol/ids.ts';
import type { MemberVerb } from '../../node/ports.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

const INVITE_BYTES = 16;
const ACT_OF: Readonly<Record<MemberVerb, NodeAct>> = {
  add: 'node.added',
  promote: 'node.promoted',
  remove: 'node.removed',
  replace: 'node.replaced',
};

/** For those who hold the admin token of a node, and for admins of the server. */
export function addAdminRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;

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
        querystring: TxnQuery,
        response: { 200: CompactReply },
        errors: ['behind', 'txn_reused'],
      },
    },
    (request) => {
      const key = actKeyOf(request, txnIdIfAny(request, request.query));
      return context.acts.once(key, 'compact', () => node.compact());
    },
  );

  app.get(
    '/v1/admin/disk-keys',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Under which keys the disk of this node is sealed',
        response: { 200: DiskKeysReply },
        errors: ['damaged'],
      },
    },
    () => node.diskKeys(),
  );

  app.post(
    '/v1/admin/disk-keys',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Seal the disk of this node under new keys, and destroy the old ones when all of it is',
        querystring: TxnQuery,
        response: { 200: DiskKeysReply },
        errors: ['damaged', 'txn_reused'],
      },
    },
    (request) => {
      const key = actKeyOf(request, txnIdIfAny(request, request.query));
      return context.acts.once(key, 'disk-keys', () => node.rotateDiskKeys());
    },
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
          ...ACTS_ON_NODES,
          'not_leader',
          'no_such_node',
          'already_member',
          'quorum_at_risk',
          'change_in_progress',
          'too_many',
        ],
      },
    },
    async (request) => {
      const { verb } = request.body;
      const [name, txnId] = [request.body.node as NodeName, request.body.txnId as TxnId | undefined];
      await actOnNode(context, request, { act: ACT_OF[verb], node: name, txnId }, async () => {
        await node.changeMembers(verb, name);
        return name;
      });
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
        errors: [...ACTS_ON_NODES, 'not_leader', 'no_such_node', 'quorum_at_risk'],
      },
    },
    async (request) => {
      const [to, txnId] = [request.body.to as NodeName | null, request.body.txnId as TxnId | undefined];
      const asked = { act: 'node.made-leader', node: to, txnId } as const;
      return { leader: await actOnNode(context, request, asked, () => node.transferLeadership(to)) };
    },
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
        errors: [...THROUGH_THE_LOG, 'forbidden'],
      },
    },
    async (request) => {
      const { ttlMs } = request.body;
      const txnId = request.body.txnId as TxnId;
      const invite = inviteCodeOf(node.challengeKey, txnId);
      const body = { inviteHash: inviteHashOf(invite), ttlMs };
      const { expiresAt } = await submit(
        context,
        { kind: 'invite.create', actor: request.session, txnId, body },
        request,
      );
      return { invite, expiresAt: timeOf(expiresAt) };
    },
  );
}

/** Nodes keep the hash of an invitation only; whoever asks again under the same txnId gets the same code, of any node. */
function inviteCodeOf(key: Uint8Array, txnId: TxnId): string {
  return createHmac('sha256', key)
    .update(labelled('invite', txnId))
    .digest()
    .subarray(0, INVITE_BYTES)
    .toString('base64url');
}
