import assert from 'node:assert/strict';
import { ParleyError } from '../../protocol/errors.ts';
import type { StateInstall, StateSnapshotHeader } from '../ports.ts';
import { damaged, isOutOfSpace } from './damage.ts';
import type { StateSealing } from './open-state.ts';
import { RowStreamDecoder } from './row-stream.ts';
import { StateBuilder } from './state-builder.ts';
import type { StateDatabase } from './state-database.ts';
import type { StateFolders } from './state-folders.ts';

export interface InstallOwner {
  readonly writeBufferBytes: number;
  readonly sealing: StateSealing;
  /** Goes on with the new state, and closes the old one. */
  takeOver(disk: StateDatabase): Promise<void>;
  /** It has ended, one way or the other. */
  onOver(): void;
}

/** @throws ParleyError `disk_full` */
export async function beginStateInstall(
  header: StateSnapshotHeader,
  folders: StateFolders,
  owner: InstallOwner,
): Promise<StateInstall> {
  const name = folders.unused();
  let builder;
  try {
    builder = await StateBuilder.create({ location: folders.path(name), where: name, ...owner.sealing });
  } catch (error) {
    owner.onOver();
    await folders.remove(name);
    throw explained(error);
  }
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
  #over = false;

  constructor(parts: InstallParts) {
    this.#parts = parts;
  }

  async write(chunk: Uint8Array): Promise<void> {
    assert(!this.#over, 'the install is over');
    const rows = this.#decoder.push(chunk);
    if (rows === undefined) throw this.#damage('it is no stream of rows');
    if (rows.length === 0) return;
    try {
      await this.#parts.builder.putRows(rows);
    } catch (error) {
      throw explained(error);
    }
  }

  check(): void {
    if (!this.#decoder.complete) throw this.#damage('it ends in the middle of a row');
    const { builder, header } = this.#parts;
    if (builder.hash.hex() !== header.stateHash) throw this.#damage('its rows do not match its hash');
  }

  async finish(): Promise<void> {
    assert(!this.#over, 'the install is over');
    const { header, folders, owner, name, builder } = this.#parts;
    this.check();
    this.#over = true;
    try {
      const { metadata, stampMs } = header;
      const disk = await builder.finish({ ...metadata, stampMs }, owner.writeBufferBytes, header);
      const replaced = await folders.current();
      await folders.point(name);
      await owner.takeOver(disk);
      if (replaced !== undefined) await folders.remove(replaced);
    } finally {
      owner.onOver();
    }
  }

  async abort(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    const { folders, name, builder, owner } = this.#parts;
    owner.onOver();
    await builder.close();
    await folders.remove(name);
  }

  #damage(reason: string): Error {
    return damaged('state', 'snapshot', `the snapshot that was received is damaged: ${reason}`);
  }
}

/** A disk that has no room for a second state can hold the first one all the same. */
function explained(error: unknown): unknown {
  if (!isOutOfSpace(error)) return error;
  return new ParleyError('disk_full', 'There is no space left on the disk for a snapshot.', { cause: error });
}
