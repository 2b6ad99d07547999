import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operationsOf } from '../src/api/docs/operations.ts';
import { OpenApi } from '../src/testing/open-api.ts';
import { FrameWatch } from './contract/frame-watch.ts';
import { shootFrames } from './contract/frame-cases.ts';
import { HOOK_CASES } from './contract/hook-cases.ts';
import { LOGIN_CASES } from './contract/login-cases.ts';
import { PEOPLE_CASES } from './contract/people-cases.ts';
import { ROOM_CASES } from './contract/room-cases.ts';
import { RouteContract } from './contract/route-contract.ts';
import { SERVER_CASES } from './contract/server-cases.ts';
import { Stage } from './contract/stage.ts';
import type { ApiDescription } from '../src/api/docs/operations.ts';
import type { RouteCases } from './contract/route-case.ts';

const CASES: RouteCases = { ...PEOPLE_CASES, ...LOGIN_CASES, ...ROOM_CASES, ...HOOK_CASES, ...SERVER_CASES };
/** In the end: what they do cannot be undone. */
const LAST = ['POST /v1/admin/members'];

/**
 * Each route and each frame of the description, against three real nodes: what is good is answered as described, what
 * is wrong is refused as described. A route or frame that is new fails here until it has a case.
 */
describe('the contract of the API', () => {
  let stage: Stage;
  let description: ApiDescription & object;
  let document: OpenApi;
  let watch: FrameWatch;
  beforeAll(async () => {
    stage = await Stage.open();
    const answer = await fetch(`${stage.url}/v1/openapi.json`);
    description = (await answer.json()) as ApiDescription & object;
    document = await OpenApi.of(stage.url);
    watch = await FrameWatch.open(stage);
  });
  afterAll(() => stage?.close());

  it('has a case for every route, and none for what is no route', () => {
    const routes = operationsOf(description).map(({ method, path }) => `${method} ${path}`);
    expect(Object.keys(CASES).toSorted()).toEqual(routes.toSorted());
  });

  it.each(Object.keys(CASES).filter((name) => !LAST.includes(name)))('%s', async (name) => {
    const place = Object.keys(CASES).indexOf(name);
    stage.moveTo(stage.urls[place % stage.urls.length]!);
    expect(await new RouteContract(stage, description, document).broken(name, CASES[name]!)).toEqual([]);
  });

  it('takes every frame of clients, and refuses what is wrong with one', async () => {
    const { taken, types } = await shootFrames(stage, watch);
    expect(taken.toSorted()).toEqual(types.toSorted());
  });

  it('has said every frame and told of every kind of event, all as described', async () => {
    const { wrong, unseenFrames, unseenEvents } = await watch.finish(stage);
    expect(wrong).toEqual([]);
    expect(unseenFrames).toEqual([]);
    expect(unseenEvents).toEqual([]);
  });

  it.each(LAST)('%s', async (name) => {
    stage.moveTo(stage.urls[0]!);
    expect(await new RouteContract(stage, description, document).broken(name, CASES[name]!)).toEqual([]);
  });
});
