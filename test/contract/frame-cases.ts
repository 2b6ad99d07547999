import { expect } from 'vitest';
import { nextTxnId } from '../../src/testing/api-person.ts';
import type { JsonSchema } from '../../src/api/docs/json-schema.ts';
import type { ClientFrameType } from '../../src/api/docs/frame-notes.ts';
import type { ServerFrameJson } from '../../src/protocol/http/frames.ts';
import type { TestSocket } from '../../src/testing/test-socket.ts';
import type { AsyncDocument, FrameWatch } from './frame-watch.ts';
import type { Stage } from './stage.ts';

type Frame = Readonly<Record<string, unknown>> & { readonly type: ClientFrameType };

interface FrameCase {
  readonly frame: Frame;
  /** What comes back; null where nothing does. */
  readonly answer: ServerFrameJson['type'] | null;
}

const FIRST: ReadonlySet<ClientFrameType> = new Set(['identify', 'resume']);
const IDENTIFY_FIRST = 4401;
const BAD_REQUEST = 4400;

/** A good one of each type, of bob in a room that ada made. */
async function frameCases(stage: Stage): Promise<Record<ClientFrameType, FrameCase>> {
  const room = await stage.group(stage.bob);
  const { roster } = await stage.message(room);
  const { cursor } = await stage.bob.room(room);
  const { token } = stage.bob;
  const txnId = nextTxnId();
  const envelope = stage.bob.seal(roster, txnId, 'by a frame');
  return {
    identify: { frame: { type: 'identify', token, presence: 'away' }, answer: 'ready' },
    resume: { frame: { type: 'resume', token, cursor, presence: 'busy' }, answer: 'ready' },
    send: { frame: { type: 'send', ref: '1', room, txnId, envelope }, answer: 'sent' },
    ping: { frame: { type: 'ping', ref: '2' }, answer: 'pong' },
    ack: { frame: { type: 'ack', room, delivered: 1, read: 1 }, answer: null },
    typing: { frame: { type: 'typing', ref: '3', room, active: true }, answer: null },
    presence: { frame: { type: 'presence', ref: '4', status: 'busy' }, answer: null },
    watch: { frame: { type: 'watch', ref: '5', people: [{ room, account: 'ada' }] }, answer: 'presence' },
  };
}

/**
 * Says every frame as it should be, and in every way in which it should not.
 *
 * @returns types that were taken, and those that the description has
 */
export async function shootFrames(
  stage: Stage,
  watch: FrameWatch,
): Promise<{ readonly taken: readonly string[]; readonly types: readonly string[] }> {
  stage.moveTo(stage.urls[1]!);
  const document = (await (await fetch(`${stage.url}/v1/asyncapi.json`)).json()) as AsyncDocument;
  const said = Object.values(document.operations).filter(({ action }) => action === 'receive');
  const described = said.map(({ messages }) => document.components.messages[messages[0]!.$ref.split('/').at(-1)!]!);
  const cases = await frameCases(stage);
  const taken: string[] = [];
  for (const { name, payload } of described) {
    const { frame, answer } = cases[name as ClientFrameType];
    await refuseWrong(stage, frame, payload);
    watch.add(await isTaken(stage, frame, answer));
    taken.push(name);
  }
  return { taken, types: described.map(({ name }) => name) };
}

async function isTaken(stage: Stage, frame: Frame, answer: FrameCase['answer']): Promise<TestSocket> {
  const isFirst = FIRST.has(frame.type);
  const socket = isFirst ? await stage.bob.connect() : await stage.bob.live();
  socket.send(frame);
  if (answer !== null) {
    const heard = await socket.next(answer);
    expect([frame.type, 'ref' in heard ? heard.ref : undefined]).toEqual([frame.type, frame['ref']]);
  }
  // Whatever has no answer did no harm either.
  socket.send({ type: 'ping', ref: 'after' });
  await socket.next('pong');
  expect([frame.type, socket.of('error')]).toEqual([frame.type, []]);
  socket.close();
  await socket.ended();
  return socket;
}

async function refuseWrong(stage: Stage, frame: Frame, schema: JsonSchema): Promise<void> {
  const wrong: [string, Frame][] = [['fieldThatNobodyKnows', { ...frame, fieldThatNobodyKnows: 1 }]];
  for (const name of Object.keys(frame)) {
    if (name === 'type') continue;
    wrong.push([name, { ...frame, [name]: { no: 'such thing' } }]);
    if (schema.required?.includes(name) !== true) continue;
    const { [name]: _gone, ...rest } = frame;
    wrong.push([name, rest as Frame]);
  }
  const isFirst = FIRST.has(frame.type);
  for (const [field, attempt] of wrong) {
    const socket = isFirst ? await stage.bob.connect() : await stage.bob.live();
    socket.send(attempt);
    const { code, data } = await socket.next('error');
    const blamed = String((data as { field?: string } | undefined)?.field).split('.')[0];
    expect([frame.type, field, code, blamed]).toEqual([frame.type, field, 'invalid_field', field]);
    expect((await socket.ended()).code).toBe(BAD_REQUEST);
  }
  if (isFirst) return;
  const early = await stage.bob.connect();
  early.send(frame);
  expect([frame.type, (await early.next('error')).code]).toEqual([frame.type, 'identify_first']);
  expect((await early.ended()).code).toBe(IDENTIFY_FIRST);
}
