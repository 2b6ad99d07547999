import { accountName } from '../../chat/queries-accounts.ts';
import { lockByName, locksOf } from '../../chat/queries-locks.ts';
import { membershipIn } from '../../chat/queries-rooms.ts';
import { ParleyError } from '../../protocol/errors.ts';
import {
  LockAcquireBody,
  LockAcquireReply,
  LockJson,
  LockPath,
  LockReleaseQuery,
  LockReleaseReply,
  LockRenewBody,
  LockRenewReply,
  LocksReply,
} from '../../protocol/http/locks.ts';
import { FreshnessQuery } from '../../protocol/http/queries.ts';
import { lockRoomOf } from '../../protocol/ids.ts';
import { THROUGH_THE_LOG } from '../documented-errors.ts';
import { cursorAfterWrite, freshEnough } from '../freshness.ts';
import { sessionOf, txnIdOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import type { LockInfo } from '../../chat/queries-locks.ts';
import type { LockJsonT } from '../../protocol/http/locks.ts';
import type { LockName, SessionId, StampMs, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** Permission to a shared resource: named locks with a lease, a fencing token and a queue. */
export function addLockRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  addChanges(app, context, hooks);
  addQuestions(app, context, hooks);
}

function addChanges(app: App, context: ApiContext, hooks: RouteHooks): void {
  app.put(
    '/v1/locks/:name',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['locks'],
        summary: 'Take a lock, or a place in its queue; who holds it renews its lease',
        params: LockPath,
        body: LockAcquireBody,
        response: { 200: LockAcquireReply },
        errors: [...THROUGH_THE_LOG, 'lock_held', 'no_such_room', 'too_many'],
      },
    },
    async (request) => {
      const { ttlMs, waitMs = 0, txnId } = request.body;
      const { state, token, expiresAt, position, name } = await submit(context, {
        kind: 'lock.acquire',
        actor: sessionOf(request),
        txnId: txnId as TxnId,
        body: { name: request.params.name as LockName, ttlMs, waitMs },
      });
      return { name, state, token, expiresAt: timeOf(expiresAt), position, cursor: cursorAfterWrite(context) };
    },
  );

  app.patch(
    '/v1/locks/:name',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['locks'],
        summary: 'Renew the lease of a lock',
        params: LockPath,
        body: LockRenewBody,
        response: { 200: LockRenewReply },
        errors: [...THROUGH_THE_LOG, 'lock_lost'],
      },
    },
    async (request) => {
      const { token, ttlMs, txnId } = request.body;
      const { name, expiresAt } = await submit(context, {
        kind: 'lock.renew',
        actor: sessionOf(request),
        txnId: txnId as TxnId,
        body: { name: request.params.name as LockName, token, ttlMs },
      });
      return { name, token, expiresAt: timeOf(expiresAt), cursor: cursorAfterWrite(context) };
    },
  );

  app.delete(
    '/v1/locks/:name',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['locks'],
        summary: 'Give a lock back, or leave its queue',
        params: LockPath,
        querystring: LockReleaseQuery,
        response: { 200: LockReleaseReply },
        errors: [...THROUGH_THE_LOG, 'lock_lost'],
      },
    },
    async (request) => {
      const { token } = request.query;
      const { name } = await submit(context, {
        kind: 'lock.release',
        actor: sessionOf(request),
        txnId: txnIdOf(request, request.query),
        body: { name: request.params.name as LockName, ...(token === undefined ? {} : { token }) },
      });
      return { name, cursor: cursorAfterWrite(context) };
    },
  );
}

function addQuestions(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node, time } = context;

  app.get(
    '/v1/locks',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['locks'],
        summary: 'Locks that the own session holds or waits for',
        querystring: FreshnessQuery,
        response: { 200: LocksReply },
      },
    },
    async (request) => {
      await freshEnough(context, request.query);
      const { session } = sessionOf(request);
      const locks = locksOf(node.reader, session, time.nowMs() as StampMs);
      return { locks: locks.map((lock) => lockJson(context, lock, session)), session };
    },
  );

  app.get(
    '/v1/locks/:name',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['locks'],
        summary: 'Who holds a lock',
        params: LockPath,
        querystring: FreshnessQuery,
        response: { 200: LockJson },
        errors: ['no_such_room'],
      },
    },
    async (request) => {
      await freshEnough(context, request.query);
      const { session, account } = sessionOf(request);
      const name = request.params.name as LockName;
      const room = lockRoomOf(name);
      if (room !== null && membershipIn(node.reader, account, room) === undefined)
        throw new ParleyError('no_such_room');
      const lock = lockByName(node.reader, name, time.nowMs() as StampMs);
      return lock === undefined ? { name, holder: null, waiting: 0, position: null } : lockJson(context, lock, session);
    },
  );
}

function lockJson({ node }: ApiContext, { name, holder, waiting }: LockInfo, own: SessionId): LockJsonT {
  const at = waiting.indexOf(own);
  return {
    name,
    holder: {
      account: accountName(node.reader, holder.account)!,
      accountId: holder.account,
      device: holder.device,
      own: holder.session === own,
      token: holder.token,
      expiresAt: timeOf(holder.expiresAt),
    },
    waiting: waiting.length,
    position: at < 0 ? null : at + 1,
  };
}
