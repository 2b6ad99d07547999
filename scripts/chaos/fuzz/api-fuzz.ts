import { mkdtempSync } from 'node:fs';
import { request as httpRequest, Agent } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ERRORS, isErrorCode } from '../../../src/protocol/errors.ts';
import { TestSocket } from '../../../src/testing/test-socket.ts';
import { waitUntil } from '../../../src/testing/wait-until.ts';
import { Dice } from './dice.ts';
import { HttpInputs } from './http-inputs.ts';
import { rawBytes } from './raw-inputs.ts';
import { nextFrame } from './socket-inputs.ts';
import { Violations } from './violations.ts';
import { FuzzWorld } from './world.ts';
import type { HttpInput } from './http-inputs.ts';
import type { FuzzOptions, FuzzReport } from './report.ts';

/** A new world after so many, so that what was destroyed does not make everything else a refusal. */
const INPUTS_PER_WORLD = 10_000;
const WITNESS_EVERY = 1_000;
const LANES = 20;
/** Far more than anything takes, on a machine that is busy with other things too. */
const ANSWER_MS_MAX = 120_000;
const RAW_MS_MAX = 5_000;
const SHOWN_MAX = 600;
/** Between two frames, for the node to close a socket over the first. */
const FRAMES_PER_SOCKET = 8;

/**
 * Sends a node what no honest client would, by HTTP, over sockets and as raw bytes. It may refuse, and has to go on
 * serving others: no crash, no 5xx but those that say that a retry may help, no error in its log, no promise left alone.
 */
export async function fuzzApi({ inputs, seed, say }: FuzzOptions): Promise<FuzzReport> {
  const run = new FuzzRun();
  try {
    for (let done = 0, world = 0; done < inputs && run.violations.goesOn; world += 1) {
      const share = Math.min(INPUTS_PER_WORLD, inputs - done);
      await run.world(seed * 1_000_003 + world, share);
      done += share;
      say(`${done} inputs, ${run.violations.all.length} violations`);
    }
  } finally {
    run.violations.close();
  }
  return { inputs: run.inputs, outcomes: run.outcomes, violations: run.violations.all };
}

interface Parts {
  readonly lanes: readonly Dice[];
  readonly world: FuzzWorld;
  readonly agent: Agent;
  readonly http: HttpInputs;
}

class FuzzRun {
  readonly outcomes = new Map<string, number>();
  readonly violations = new Violations();
  inputs = 0;

  async world(seed: number, inputs: number): Promise<void> {
    const lanes = Array.from({ length: LANES }, (_, lane) => new Dice(seed * LANES + lane));
    const folder = mkdtempSync(join(tmpdir(), 'parley-fuzz-'));
    const world = await FuzzWorld.open(folder, (line) => this.violations.add(`logged (seed ${seed}): ${line}`));
    const agent = new Agent({ keepAlive: true, maxSockets: LANES });
    const http = new HttpInputs(world.description);
    try {
      for (let done = 0; done < inputs && this.violations.goesOn; done += WITNESS_EVERY) {
        const share = Math.min(WITNESS_EVERY, inputs - done);
        await this.#batch(share, { lanes, world, agent, http });
        await world
          .witness(`witness-${done}`)
          .catch((error: unknown) => this.violations.add(`witness: ${String(error)}`));
      }
    } finally {
      agent.destroy();
      await world.close();
    }
  }

  /** Several at a time, each in a lane of its own: what one lane sends does not depend on how fast the others are. */
  async #batch(inputs: number, parts: Parts): Promise<void> {
    const share = Math.ceil(inputs / parts.lanes.length);
    await Promise.all(parts.lanes.map((dice) => this.#lane(share, dice, parts)));
  }

  async #lane(inputs: number, dice: Dice, { world, agent, http }: Parts): Promise<void> {
    for (let left = inputs; left > 0;) {
      const kind = dice.below(10);
      const count = kind < 7 ? 1 : Math.min(FRAMES_PER_SOCKET, left);
      if (kind < 6) await this.#http(world, agent, http.next(dice, world.known, world.tokens));
      else if (kind < 7) await this.#raw(world, rawBytes(http.next(dice, world.known, world.tokens), dice));
      else {
        const frames = Array.from({ length: count }, () => nextFrame(dice, world.known));
        const sent = this.#frames(world, frames, dice.oneIn(4));
        await sent.catch((error: unknown) => this.violations.add(`${String(error)} for ${JSON.stringify(frames)}`));
      }
      left -= count;
      this.inputs += count;
    }
  }

  #count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  async #http(world: FuzzWorld, agent: Agent, input: HttpInput): Promise<void> {
    const shown = JSON.stringify(input).slice(0, SHOWN_MAX);
    try {
      const { status, type, text } = await ask(world.url, agent, input);
      this.#count(`http ${status}`);
      const wrong = wrongAnswer(status, type, text, input.method);
      if (wrong !== null) this.violations.add(`${wrong}: ${status} ${text.slice(0, SHOWN_MAX)} for ${shown}`);
    } catch (error) {
      this.#count('http failed');
      this.violations.add(`no answer (${String(error)}) for ${shown}`);
    }
  }

  async #raw(world: FuzzWorld, bytes: Buffer): Promise<void> {
    const answer = await sendRaw(world.url, bytes);
    const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 'none';
    this.#count(`raw ${status}`);
    if (status === '500') this.violations.add(`raw: ${answer.slice(0, SHOWN_MAX)} for ${bytes.toString('base64')}`);
  }

  /** A socket that is greeted, perhaps logged in, and told all this. */
  async #frames(world: FuzzWorld, frames: readonly (string | Uint8Array)[], strange: boolean): Promise<void> {
    const socket = await openFeed(world, strange ? null : world.owner.token);
    for (const frame of frames) {
      if (socket.ws.readyState === socket.ws.OPEN) socket.ws.send(frame);
      this.#count('frame');
    }
    socket.ws.close();
    await waitUntil(() => socket.closed !== null, ANSWER_MS_MAX, 'the socket to close');
    const { code } = socket.closed!;
    this.#count(`socket ${code}`);
    const internal = socket.of('error').find((error) => error.code === 'internal');
    if (internal !== undefined || code === INTERNAL_CLOSE)
      this.violations.add(`frame: internal for ${JSON.stringify(frames)}`);
  }
}

const INTERNAL_CLOSE = ERRORS.internal.close;

async function openFeed({ url }: FuzzWorld, token: string | null): Promise<TestSocket> {
  const socket = new TestSocket(url);
  const isGreeted = (): boolean => socket.of('hello').length > 0 || socket.closed !== null;
  await waitUntil(isGreeted, ANSWER_MS_MAX, 'a hello frame');
  if (token !== null) socket.send({ type: 'identify', token });
  return socket;
}

/** Null for an answer as answers may be. */
function wrongAnswer(status: number, type: string, text: string, method: string): string | null {
  if (status === 204 || (status >= 200 && status < 300)) return null;
  if (method === 'HEAD') return status >= 500 ? 'an error' : null;
  if (!type.startsWith('application/problem+json')) return 'a refusal of another form';
  const { code } = JSON.parse(text) as { code: unknown };
  if (typeof code !== 'string' || !isErrorCode(code)) return 'an unknown code';
  return status >= 500 && !ERRORS[code].retryable ? 'an error' : null;
}

function ask(
  url: string,
  agent: Agent,
  { method, path, headers, body }: HttpInput,
): Promise<{ status: number; type: string; text: string }> {
  return new Promise((resolve, reject) => {
    // Not by URL, which would mend what is to be sent as it is.
    const { hostname, port } = new URL(url);
    const options = { hostname, port, path, method, headers, agent, timeout: ANSWER_MS_MAX };
    const request = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'] ?? '',
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', reject);
    request.end(body ?? undefined);
  });
}

/** What comes back until the other side has had enough, or nothing comes. */
function sendRaw(url: string, bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: hostname, port: Number(port) });
    const end = (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(RAW_MS_MAX, end);
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    socket.on('error', end);
    socket.on('close', end);
    socket.end(bytes);
  });
}
