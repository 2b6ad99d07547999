import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { FolderSpool } from '../src/cli/store/folder-spool.ts';
import { LevelStore } from '../src/cli/store/level-store.ts';
import { nodePlatform } from '../src/cli/node-platform.ts';
import { FolderSink } from '../src/cli/parley/files/folder-sink.ts';
import { ParleyClient } from '../src/client/client.ts';
import { IMAGE_BYTES } from './fastchat-figures.ts';
import type { MessageLine } from '../src/client/reader.ts';

const SEND_MS_MAX = 120_000;

export interface Passage {
  readonly isImage: boolean;
  readonly sentAtMs: number;
  /** Null while the other side does not have it. */
  readonly gotAtMs: number | null;
}

/** When every message was sent, and when it was there. */
export class Passages {
  readonly #all = new Map<string, Passage>();

  sent(key: string, isImage: boolean): void {
    this.#all.set(key, { isImage, sentAtMs: performance.now(), gotAtMs: null });
  }

  got(key: string): void {
    const passage = this.#all.get(key);
    if (passage === undefined) throw new Error(`“${key}” came, and was not sent`);
    if (passage.gotAtMs !== null) throw new Error(`“${key}” came twice`);
    this.#all.set(key, { ...passage, gotAtMs: performance.now() });
  }

  get all(): readonly Passage[] {
    return [...this.#all.values()];
  }

  get underWay(): readonly string[] {
    return [...this.#all].flatMap(([key, { gotAtMs }]) => (gotAtMs === null ? [key] : []));
  }
}

/** One person, with the client engine, a store on the disk, and a live feed. */
export class FastChatClient {
  readonly name: string;
  readonly #client: ParleyClient;
  readonly #folder: string;
  readonly #passages: Passages;
  readonly #leaving = new AbortController();
  #following: Promise<void> = Promise.resolve();
  #images: Promise<void> = Promise.resolve();

  private constructor(name: string, client: ParleyClient, folder: string, passages: Passages) {
    this.name = name;
    this.#client = client;
    this.#folder = folder;
    this.#passages = passages;
  }

  static async join(parts: {
    readonly name: string;
    readonly endpoint: string;
    readonly folder: string;
    readonly passages: Passages;
  }): Promise<FastChatClient> {
    const home = join(parts.folder, parts.name);
    const platform = nodePlatform(new LevelStore(join(home, 'store')), new FolderSpool(join(home, 'spool')));
    const client = await ParleyClient.open(platform, { endpoints: [parts.endpoint], fallback: [] });
    await client.account.register(parts.name, undefined);
    const person = new FastChatClient(parts.name, client, home, parts.passages);
    await new Promise<void>((connected, failed) => {
      const listener = {
        messages: (lines: readonly MessageLine[]) => person.#hear(lines),
        connected: () => connected(),
        disconnected: () => {},
      };
      person.#following = client.follow(null, listener, person.#leaving.signal);
      person.#following.catch(failed);
    });
    return person;
  }

  async say(to: string, key: string): Promise<void> {
    this.#passages.sent(key, false);
    const { result } = await this.#client.send(`@${to}`, key, { timeoutMs: SEND_MS_MAX });
    if (result.state !== 'sent') throw result.reason ?? new Error(`${key} was not sent`);
  }

  async show(to: string, key: string): Promise<void> {
    this.#passages.sent(key, true);
    const source = { name: 'image.png', mediaType: 'image/png', bytes: image() };
    const { result } = await this.#client.files.send(`@${to}`, source, { timeoutMs: SEND_MS_MAX, text: key });
    if (result.state !== 'sent') throw result.reason ?? new Error(`${key} was not sent`);
  }

  async leave(): Promise<void> {
    this.#leaving.abort();
    await Promise.allSettled([this.#following, this.#images]);
    await this.#client.close();
  }

  #hear(lines: readonly MessageLine[]): void {
    for (const { from, text, id, file } of lines) {
      if (from === this.name) continue;
      if (text === null) throw new Error(`${this.name} cannot read what ${from} wrote`);
      if (file === undefined) this.#passages.got(text);
      // One after the other, as somebody looks at them.
      else this.#images = this.#images.then(() => this.#look(id, text));
    }
  }

  async #look(id: string, key: string): Promise<void> {
    const file = await this.#client.files.find(id);
    const place = { folder: join(this.#folder, 'images'), name: `${id}.png`, blob: file.blob, force: true };
    const sink = await FolderSink.open(place);
    await this.#client.files.get(file, sink, { timeoutMs: SEND_MS_MAX });
    await sink.close();
    this.#passages.got(key);
  }
}

async function* image(): AsyncGenerator<Uint8Array> {
  yield randomBytes(IMAGE_BYTES);
}
