import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findLeader } from '../scripts/chaos/cluster-views.ts';
import { requestJson } from '../scripts/load/http.ts';
import { createPerson, openDirectRoom } from '../scripts/load/person.ts';
import { paddedText, sealText } from '../scripts/load/sealed-texts.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { whenReady } from '../src/cli/local-cluster/ready.ts';
import { CHATD, until } from './support.ts';
import type { Person } from '../scripts/load/person.ts';
import type { SealedText } from '../scripts/load/sealed-texts.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { MessageJsonT, ProblemJson, RoomDetailJson } from '../src/protocol/http/schemas.ts';

/** Together more than a node lets wait: 32 MiB. */
const SENDS = 1_800;
/** A majority that is merely slow runs this long at a time, and stands still for so long between. */
const RUNS_MS = 30;
const STANDS_MS = 400;
const TEXT_BYTES = 24 * 1024;
const PAGE = 500;
const LANES = 12;

let cluster: ScratchCluster;
let ann: Person;
let room: RoomDetailJson;
const stopped = new Set<string>();

beforeAll(async () => {
  cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD });
  const url = apiUrl(cluster.layout.nodes[0]!);
  ann = await createPerson(url, 'ann');
  room = await openDirectRoom(url, ann, await createPerson(url, 'bob'));
});
afterAll(async () => {
  goOn();
  await cluster.close();
});

function stop(name: string): void {
  stopped.add(name);
  cluster.supervisor.child(name)!.kill('SIGSTOP');
}
function goOn(): void {
  for (const name of stopped) cluster.supervisor.child(name)?.kill('SIGCONT');
  stopped.clear();
}

/** Whom the leader waits for stands still; the function that is returned lets it run again for good. */
const OBSTACLES = {
  'stands still': (others: readonly string[]) => {
    for (const name of others) stop(name);
    return (): Promise<void> => {
      goOn();
      return Promise.resolve();
    };
  },
  'is slow': (others: readonly string[]) => {
    let isOver = false;
    const pulsing = (async (): Promise<void> => {
      while (!isOver) {
        for (const name of others) stop(name);
        await delay(STANDS_MS);
        goOn();
        await delay(RUNS_MS);
      }
    })();
    return (): Promise<void> => {
      isOver = true;
      return pulsing;
    };
  },
} as const;

type Outcome =
  | { readonly text: SealedText; readonly seq: number }
  | { readonly text: SealedText; readonly problem: ProblemJson; readonly retryAfter: string | null }
  /** The connection broke: nobody knows. */
  | { readonly text: SealedText };

async function send(url: string, text: SealedText): Promise<Outcome> {
  const answer = await put(url, text);
  if (answer === null) return { text };
  const json = (await answer.json()) as { seq: number } & ProblemJson;
  if (answer.ok) return { text, seq: json.seq };
  expect(answer.status).toBe(json.status);
  return { text, problem: json, retryAfter: answer.headers.get('retry-after') };
}

function put(url: string, text: SealedText): Promise<Response | null> {
  return fetch(`${url}/v1/rooms/${text.room}/messages/${text.txnId}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${ann.session.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ envelope: text.envelope }),
  }).catch((error: unknown) => {
    if (error instanceof TypeError) return null;
    throw error;
  });
}

/** The room as one node shows it: transaction ids in their order. */
async function shownBy(url: string): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const path = `/v1/rooms/${room.room}/messages?after=${ids.length}&limit=${PAGE}`;
    const page = await requestJson<{ messages: MessageJsonT[] }>(url, 'GET', path, { token: ann.session.token });
    expect(page.messages.map(({ seq }) => seq)).toEqual(page.messages.map((_, at) => ids.length + at + 1));
    ids.push(...page.messages.map(({ id }) => id.slice(0, 26)));
    if (page.messages.length === 0) return ids;
  }
}

it.each(Object.keys(OBSTACLES) as (keyof typeof OBSTACLES)[])(
  'says so at once when more waits than a node may hold while its majority %s, and loses, doubles and halves nothing',
  refusesWhatIsTooMuch,
  300_000,
);

async function refusesWhatIsTooMuch(obstacle: keyof typeof OBSTACLES): Promise<void> {
  const { nodes } = cluster.layout;
  const before = (await shownBy(apiUrl(nodes[0]!))).length;
  const leader = await findLeader(nodes);
  const url = apiUrl(nodes.find(({ name }) => name === leader)!);
  const texts = Array.from({ length: SENDS }, (_, i) =>
    sealText(ann, room, paddedText(`text ${i} `, TEXT_BYTES), before + i + 1),
  );
  const clear = OBSTACLES[obstacle](nodes.flatMap(({ name }) => (name === leader ? [] : [name])));

  const refused: Outcome[] = [];
  const sending = texts.map(async (text, at) => {
    // A machine accepts so many connections at a time.
    await delay(2 * at);
    const outcome = await send(url, text);
    if ('problem' in outcome && outcome.problem.code === 'overloaded') refused.push(outcome);
    return outcome;
  });
  await until('the node is full', () => Promise.resolve(refused.length > 20));
  await clear();
  const outcomes = await Promise.all(sending);
  expect(await whenReady(cluster.layout, { timeoutMs: 60_000 })).toBe(true);

  for (const outcome of outcomes) {
    if (!('problem' in outcome)) continue;
    const { problem, retryAfter } = outcome;
    expect(['overloaded', 'no_leader', 'deadline_exceeded']).toContain(problem.code);
    expect(problem).toMatchObject({ retryable: true, status: problem.code === 'deadline_exceeded' ? 504 : 503 });
    expect(problem.retryAfterMs).toBeGreaterThan(0);
    expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
  }
  const acknowledged = outcomes.flatMap((outcome) => ('seq' in outcome ? [outcome] : []));
  const surelyNot = new Set(refused.map(({ text }): string => text.txnId));
  expect(acknowledged.length).toBeGreaterThan(0);
  for (const place of nodes) {
    const shown = await shownBy(apiUrl(place));
    expect(new Set(shown).size, 'each once').toBe(shown.length);
    for (const { text, seq } of acknowledged) expect(shown[seq - 1]).toBe(text.txnId);
    expect(shown.filter((txnId) => surelyNot.has(txnId))).toEqual([]);
  }

  // Whatever was not acknowledged may be sent again.
  const rest = outcomes.flatMap((outcome) => ('seq' in outcome ? [] : [outcome.text]));
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    const url = apiUrl(nodes[lane % nodes.length]!);
    for (const text of rest.filter((_text, at) => at % LANES === lane)) {
      await until('it is taken', async () => 'seq' in (await send(url, text)));
    }
  });
  await Promise.all(lanes);
  const everything = texts.map(({ txnId }) => txnId).toSorted();
  const shown = await Promise.all(nodes.map((place) => shownBy(apiUrl(place))));
  expect(shown[0]!.slice(before).toSorted()).toEqual(everything);
  expect([shown[1], shown[2]]).toEqual([shown[0], shown[0]]);
}
