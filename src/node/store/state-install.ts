import assert from 'node:assert/strict';
import type { StateInstall, StateSnapshotHeader } from '../ports.ts';
import { damaged } from './damage.ts';
import { MultisetHash } from './multiset-hash.ts';
import { RowDigest, isRowKey } from './row-digest.ts';
import { RowStreamDecoder } from './row-stream.ts';
import { StateBuilder } from './state-builder.ts';
import type { StateDatabase } from './state-database.ts';
import type { StateFolders } from './state-folders.ts';
import { encodeRow, rowKeyOf } from './state-rows.ts';

export interface InstallOwner {
  readonly writeBufferBytes: number;
  /** Goes on with the new state, and closes the old one. */
  takeOver(disk: StateDatabase): Promise<void>;
}

export async function beginStateInstall(
  header: StateSnapshotHeader,
  folders: StateFolders,
  owner: InstallOwner,
): Promise<StateInstall> {
  const name = folders.unused();
  const builder = await StateBuilder.create(folders.path(name), name, owner.writeBufferBytes);
  return new LevelStateInstall({ header, folders, owner, name, builder });
}

interface InstallParts {
  readonly header: StateSnapshotHeader;
  readonly folders: StateFolders;
  readonly owner: InstallOwner;
  readonly name: string;
  readonly builder: StateBuilder;
}

/** A new folder that is filled chunk by chunk. Until `finish` has checked all of it, it counts for nothing. */
class LevelStateInstall implements StateInstall {
  readonly #parts: InstallParts;
  readonly #decoder = new RowStreamDecoder();
  readonly #rowDigest = new RowDigest();
  readonly #hash = new MultisetHash();
  #over = false;

  constructor(parts: InstallParts) {
    this.#parts = parts;
  }

  async write(chunk: Uint8Array): Promise<void> {
    assert(!this.#over, 'the install is over');
    const rows = this.#decoder.push(chunk);
    if (rows === undefined) throw this.#damage('it is no stream of rows');
    const stored = rows.map(([key, value]): [string, Uint8Array] => {
      if (!isRowKey(key)) throw this.#damage('it holds a row with an impossible key');
      const digest = this.#rowDigest.of(key, value);
      this.#hash.addDigest(digest);
      return [rowKeyOf(key), encodeRow(digest, value)];
    });
    if (stored.length > 0) await this.#parts.builder.putRows(stored);
  }

  check(): void {
    if (!this.#decoder.complete) throw this.#damage('it ends in the middle of a row');
    if (this.#hash.hex() !== this.#parts.header.stateHash) throw this.#damage('its rows do not match its hash');
  }

  async finish(): Promise<void> {
    assert(!this.#over, 'the install is over');
    const { header, folders, owner, name, builder } = this.#parts;
    this.check();
    this.#over = true;
    const { metadata, stampMs } = header;
    const disk = await builder.finish({ ...metadata, stampMs, hash: this.#hash }, header);
    const replaced = await folders.current();
    await folders.point(name);
    await owner.takeOver(disk);
    if (replaced !== undefined) await folders.remove(replaced);
  }

  async abort(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    const { folders, name, builder } = this.#parts;
    await builder.close();
    await folders.remove(name);
  }

  #damage(reason: string): Error {
    return damaged('state', 'snapshot', `the snapshot that was received is damaged: ${reason}`);
  }
}
