import { utf8ToBytes } from '@noble/hashes/utils.js';
import { accountName } from '../../chat/queries-accounts.ts';
import { blocksPage, profileOf, searchPeople } from '../../chat/queries-people.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { BansQuery, FreshnessQuery, NamePath, TxnQuery } from '../../protocol/http/queries.ts';
import {
  BlockBody,
  BlockReply,
  BlocksReply,
  PeopleQuery,
  PeopleReply,
  ProfileBody,
  ProfileReply,
  ProfileSetReply,
} from '../../protocol/http/people.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { bytesOfField, textOfBytes } from '../bytes.ts';
import { THROUGH_THE_LOG } from '../documented-errors.ts';
import { cursorAfterWrite, freshEnough } from '../freshness.ts';
import { accountCalled } from '../known-account.ts';
import { plainField } from '../plain-field.ts';
import { sessionOf, txnIdOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import type { FastifyRequest } from 'fastify';
import type { PeopleCursor } from '../../chat/queries-people.ts';
import type { AccountId, AccountName, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** Profiles, finding people, and whom one blocks. */
export function addPeopleRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  addProfiles(app, context, hooks);
  addSearch(app, context, hooks);
  addBlocks(app, context, hooks);
}

function addProfiles(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;

  app.get(
    '/v1/accounts/:name/profile',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['accounts'],
        summary: 'What an account shows of itself',
        params: NamePath,
        querystring: FreshnessQuery,
        response: { 200: ProfileReply },
        errors: ['no_such_user'],
      },
    },
    async ({ params, query }) => {
      await freshEnough(context, query);
      const accountId = await accountCalled(context, params.name);
      const profile = profileOf(node.reader, accountId);
      const { displayName = '', status = '' } = profile ?? {};
      const changedAt = profile === undefined ? null : timeOf(profile.changedAt);
      return { account: params.name, accountId, displayName, status, changedAt };
    },
  );

  app.patch(
    '/v1/profile',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['accounts'],
        summary: 'Change what the own account shows of itself; what is not given stays',
        body: ProfileBody,
        response: { 200: ProfileSetReply },
        errors: THROUGH_THE_LOG,
      },
    },
    async (request) => {
      const actor = sessionOf(request);
      const { displayName, status, txnId } = request.body;
      const body = {
        ...(displayName === undefined
          ? {}
          : { displayName: plainField(displayName, 'displayName', LIMITS.displayNameBytesMax) }),
        ...(status === undefined ? {} : { status: plainField(status, 'status', LIMITS.statusBytesMax) }),
      };
      await submit(context, { kind: 'profile.set', actor, txnId: txnId as TxnId, body });
      return { account: accountName(node.reader, actor.account)!, cursor: cursorAfterWrite(context) };
    },
  );
}

function addSearch(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;

  app.get(
    '/v1/people',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['accounts'],
        summary: 'Find people by how their name, or a word of their display name, begins',
        querystring: PeopleQuery,
        response: { 200: PeopleReply },
      },
    },
    async ({ query }) => {
      const { people, next } = await searchPeople(node.reader, {
        query: plainField(query.query, 'query', LIMITS.displayNameBytesMax),
        after: query.after === undefined ? null : cursorOf(query.after),
        limit: query.limit ?? LIMITS.readPageDefault,
      });
      return {
        people: people.map(({ account, name }) => {
          const { displayName = '', status = '' } = profileOf(node.reader, account) ?? {};
          return { account: name, accountId: account, displayName, status };
        }),
        next: next === null ? null : textOfBytes(utf8ToBytes(JSON.stringify(next))),
      };
    },
  );
}

/** Whatever a client makes up leads to no other people than those whom the search finds. */
function cursorOf(text: string): PeopleCursor {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytesOfField(text, 'after')));
    const { name, key } = value as { name?: unknown; key?: unknown };
    if (typeof name === 'string') return { name };
    if (typeof key === 'string') return { key };
  } catch {
    // Said below.
  }
  throw new ParleyError('invalid_field', 'after: not what a page before said.', { data: { field: 'after' } });
}

function addBlocks(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;
  const errors = [...THROUGH_THE_LOG, 'no_such_user'] as const;

  app.put(
    '/v1/blocks/:name',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['accounts'],
        summary: 'Take no direct messages and invitations of somebody',
        params: NamePath,
        body: BlockBody,
        response: { 200: BlockReply },
        errors: [...errors, 'too_many'],
      },
    },
    async (request) => setBlock(context, request, true, request.body.txnId as TxnId),
  );

  app.delete(
    '/v1/blocks/:name',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['accounts'],
        summary: 'Take them again',
        params: NamePath,
        querystring: TxnQuery,
        response: { 200: BlockReply },
        errors,
      },
    },
    async (request) => setBlock(context, request, false, txnIdOf(request, request.query)),
  );

  app.get(
    '/v1/blocks',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['accounts'],
        summary: 'Whom the own account blocks',
        querystring: BansQuery,
        response: { 200: BlocksReply },
      },
    },
    async (request) => {
      const { query } = request;
      await freshEnough(context, query);
      const { blocks, next } = await blocksPage(node.reader, sessionOf(request).account, {
        limit: query.limit ?? LIMITS.readPageDefault,
        ...(query.after === undefined ? {} : { after: query.after as AccountId }),
      });
      return {
        blocks: blocks.map(({ account, since }) => ({
          account: accountName(node.reader, account)!,
          accountId: account,
          since: timeOf(since),
        })),
        next,
      };
    },
  );
}

async function setBlock(
  context: ApiContext,
  request: FastifyRequest & { readonly params: { readonly name: string } },
  blocked: boolean,
  txnId: TxnId,
): Promise<{ account: AccountName; cursor: string }> {
  const name = request.params.name as AccountName;
  const body = { account: await accountCalled(context, name), blocked };
  await submit(context, { kind: 'block.set', actor: sessionOf(request), txnId, body });
  return { account: name, cursor: cursorAfterWrite(context) };
}
