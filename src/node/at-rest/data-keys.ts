import { createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto';
import { writeKeyFile, type KeyFileContent, type KeyGeneration } from './key-file.ts';
import { RowSeal, type SealedPart } from './row-seal.ts';
import type { WrappingKey } from './wrapping-key.ts';

const KEY_BYTES = 32;
export interface KeyUse {
  /** Rows of one generation. */
  readonly rowsMax: number;
  /** How many rows are written down as sealed before they are; what of it a process does not use is lost. */
  readonly rowsReserved: number;
}

/** With random nonces of 96 bits, two equal ones of 2³⁰ are less likely than 2⁻³⁶. */
const KEY_USE: KeyUse = { rowsMax: 2 ** 30, rowsReserved: 2 ** 20 };

export interface DataKeysOptions {
  readonly dir: string;
  readonly wrapping: WrappingKey;
  readonly wallMs: () => number;
  /** The file could not be written: no more may be sealed. */
  readonly onFatal: (error: Error) => void;
}

/** What may be said of a generation. */
export interface GenerationInfo {
  readonly number: number;
  readonly madeAtMs: number;
}

/**
 * The keys that seal the rows of a directory. The newest generation seals what is written; the older ones stay for what
 * is not rewritten yet. How many rows a generation has sealed is written down ahead of time, in steps: so a crash never
 * makes it forget any.
 */
export class DataKeys {
  readonly #options: DataKeysOptions;
  readonly #derived = new Map<string, KeyObject>();
  readonly #use: KeyUse;
  #content: KeyFileContent;
  /** Rows sealed under the newest generation, at most. */
  #sealed: number;
  #writing: Promise<void> = Promise.resolve();
  #extending = false;
  /** Told when a generation has sealed as much as it may. */
  onUsedUp: () => void = () => {};

  private constructor(options: DataKeysOptions, content: KeyFileContent, use: KeyUse) {
    this.#options = options;
    this.#content = content;
    this.#sealed = newestOf(content).sealedMax;
    this.#use = use;
  }

  /** @param content as it was read; undefined: of a new directory */
  static async open(options: DataKeysOptions, content: KeyFileContent | undefined, use = KEY_USE): Promise<DataKeys> {
    const known = content ?? { serial: 0, names: randomBytes(KEY_BYTES), generations: [] };
    const isUsedUp = content === undefined || newestOf(content).sealedMax >= use.rowsMax;
    const keys = new DataKeys(options, isUsedUp ? withNext(known, options.wallMs()) : known, use);
    await keys.#reserve();
    return keys;
  }

  /** Oldest first. */
  get generations(): readonly GenerationInfo[] {
    return this.#content.generations.map(({ number, madeAtMs }) => ({ number, madeAtMs }));
  }

  /** The one that seals what is written now. */
  get current(): number {
    return newestOf(this.#content).number;
  }

  /** Rows that it has sealed, at most. */
  get sealedRows(): number {
    return this.#sealed;
  }

  get wrappedBy(): string {
    return this.#options.wrapping.id;
  }

  /** Key of the names under which rows stand whose keys would tell something. */
  get nameKey(): KeyObject {
    return createSecretKey(Buffer.from(hkdfSync('sha256', this.#content.names, EMPTY, 'parley/v1/at-rest/names', 32)));
  }

  sealOf(part: SealedPart): RowSeal {
    return new RowSeal({
      take: () => {
        this.#count();
        const generation = this.current;
        return { generation, key: this.#keyOf(part, generation)! };
      },
      of: (generation) => this.#keyOf(part, generation),
    });
  }

  #count(): void {
    this.#sealed += 1;
    if (this.#extending || this.#sealed < newestOf(this.#content).sealedMax - this.#use.rowsReserved / 2) return;
    this.#extending = true;
    if (this.#sealed >= this.#use.rowsMax) this.onUsedUp();
    this.#reserve().then(
      () => (this.#extending = false),
      (error: unknown) => this.#options.onFatal(error as Error),
    );
  }

  #keyOf(part: SealedPart, generation: number): KeyObject | undefined {
    const name = `${part}/${generation}`;
    const known = this.#derived.get(name);
    if (known !== undefined) return known;
    const secret = this.#content.generations.find(({ number }) => number === generation)?.secret;
    if (secret === undefined) return undefined;
    const key = partKeyOf(secret, part);
    this.#derived.set(name, key);
    return key;
  }

  /** Makes a new generation, which seals all that is written once this has resolved. */
  rotate(): Promise<void> {
    return this.#change((content) => withReserve(withNext(content, this.#options.wallMs()), 0, this.#use));
  }

  /** Destroys the generations before this one: nothing that they sealed can be read any more, wherever it is. */
  async retireBefore(generation: number): Promise<void> {
    await this.#change((content) => ({
      ...content,
      generations: content.generations.filter(({ number }) => number >= Math.min(generation, newestOf(content).number)),
    }));
    for (const name of this.#derived.keys()) if (Number(name.split('/')[1]) < generation) this.#derived.delete(name);
  }

  #reserve(): Promise<void> {
    return this.#change((content) => withReserve(content, this.#sealed, this.#use));
  }

  /** One at a time, in order; what is not on disk does not count. */
  #change(change: (content: KeyFileContent) => KeyFileContent): Promise<void> {
    const changed = this.#writing.then(async () => {
      const after = { ...change(this.#content), serial: this.#content.serial + 1 };
      await writeKeyFile(this.#options.dir, this.#options.wrapping, after);
      const isNewer = newestOf(after).number > this.current;
      this.#content = after;
      if (isNewer) this.#sealed = 0;
    });
    this.#writing = changed.catch(() => {});
    return changed;
  }

  /** Waits for what is being written. */
  close(): Promise<void> {
    return this.#writing;
  }
}

const EMPTY = Buffer.alloc(0);

/** The key of one part, from the secret of a generation. */
export function partKeyOf(secret: Uint8Array, part: SealedPart): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, EMPTY, `parley/v1/at-rest/${part}`, KEY_BYTES)));
}

function withNext(content: KeyFileContent, nowMs: number): KeyFileContent {
  const last = content.generations.at(-1)?.number ?? 0;
  const next: KeyGeneration = {
    number: last + 1,
    secret: randomBytes(KEY_BYTES),
    madeAtMs: nowMs,
    sealedMax: 0,
  };
  return { ...content, generations: [...content.generations, next] };
}

/** Sets more rows of the newest generation aside. */
function withReserve(content: KeyFileContent, sealed: number, { rowsReserved }: KeyUse): KeyFileContent {
  const newest = newestOf(content);
  const sealedMax = Math.max(newest.sealedMax, sealed) + rowsReserved;
  return { ...content, generations: [...content.generations.slice(0, -1), { ...newest, sealedMax }] };
}

function newestOf({ generations }: KeyFileContent): KeyGeneration {
  return generations.at(-1)!;
}
