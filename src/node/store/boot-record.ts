import { join } from 'node:path';
import { isLineage, withStart, type Lineage } from '../rollback/lineage.ts';
import { damageOf } from './damage.ts';
import { readSealedJson, writeSealedJson } from './sealed-json.ts';

const BOOT_FILE = 'boot';
/** Boot ids count milliseconds from here, so that together with a peer id they fit into a number until 2089. */
const BOOT_EPOCH_MS = Date.UTC(2020, 0, 1);

interface Content {
  readonly boot: number;
  readonly lineage: Lineage;
  readonly refusal: string | null;
}

/**
 * Numbers the starts of a directory, durably, so that no two of them are ever the same: what is sealed between nodes
 * must never be sealed under one number twice. The number is the wall clock's, or the one after the last start's when
 * that is greater: so it also grows when the directory was emptied, restored from a copy, or lost its record. Only
 * where both happen, a record lost and a clock put back, could a number come again.
 *
 * Remembers those starts, and whether the directory was found to be an old copy.
 */
export class BootRecord {
  readonly #path: string;
  #content: Content;
  #lastWrite: Promise<void> = Promise.resolve();

  private constructor(path: string, content: Content) {
    this.#path = path;
    this.#content = content;
  }

  /**
   * Begins another start.
   * @param nowMs wall clock, milliseconds since the epoch
   * @param isMember whether the directory was started before: then a missing record was lost
   */
  static async begin(dir: string, nowMs: number, isMember: boolean): Promise<BootRecord> {
    const path = join(dir, BOOT_FILE);
    const last = await readContent(path, isMember);
    const boot = Math.max(last.boot + 1, nowMs - BOOT_EPOCH_MS);
    const record = new BootRecord(path, { ...last, boot, lineage: withStart(last.lineage, boot) });
    await record.#write(record.#content);
    return record;
  }

  /** The id of this start. */
  get boot(): number {
    return this.#content.boot;
  }

  get lineage(): Lineage {
    return this.#content.lineage;
  }

  /** Why this directory may not be used any more; undefined for one that may. */
  get refusal(): string | undefined {
    return this.#content.refusal ?? undefined;
  }

  /** Another node knows of this start: those before it need not be remembered. */
  confirm(): Promise<void> {
    const { boot } = this;
    return this.#write({ ...this.#content, lineage: { since: boot, starts: [boot] } });
  }

  refuse(reason: string): Promise<void> {
    return this.#write({ ...this.#content, refusal: reason });
  }

  /** One at a time, in order. */
  #write(content: Content): Promise<void> {
    this.#content = content;
    this.#lastWrite = this.#lastWrite.then(() => writeSealedJson(this.#path, content));
    return this.#lastWrite;
  }
}

async function readContent(path: string, isMember: boolean): Promise<Content> {
  const nothing: Content = { boot: 0, lineage: { since: isMember ? null : 0, starts: [] }, refusal: null };
  try {
    const value = (await readSealedJson(path, 'manifest', BOOT_FILE)) as Partial<Record<keyof Content, unknown>> | null;
    if (!Number.isSafeInteger(value?.boot)) return nothing;
    const { boot, lineage, refusal } = value as Record<keyof Content, unknown>;
    return {
      boot: boot as number,
      lineage: isLineage(lineage) ? lineage : nothing.lineage,
      refusal: typeof refusal === 'string' ? refusal : null,
    };
  } catch (error) {
    if (damageOf(error) === undefined) throw error;
    return { ...nothing, lineage: { since: null, starts: [] } };
  }
}
