import { ParleyError } from '../../protocol/errors.ts';
import type { Spool, SpoolWriter } from '../../client/platform.ts';

/** A client's spool in memory; several clients may be given the same one, as programs that share a home. */
export class MemorySpool implements Spool {
  readonly files = new Map<string, Uint8Array>();
  /** How old its files seem to be. */
  ageMs = 0;

  async create(name: string): Promise<SpoolWriter> {
    const pieces: Uint8Array[] = [];
    return {
      write: async (bytes) => void pieces.push(Uint8Array.from(bytes)),
      finish: async () => void this.files.set(name, Buffer.concat(pieces)),
      abort: async () => void this.files.delete(name),
    };
  }

  async read(name: string, fromByte: number, bytes: number): Promise<Uint8Array> {
    const piece = this.files.get(name)?.subarray(fromByte, fromByte + bytes);
    if (piece?.length !== bytes) throw new ParleyError('file_unreadable');
    return Uint8Array.from(piece);
  }

  async remove(name: string): Promise<void> {
    this.files.delete(name);
  }

  async list(): Promise<readonly { readonly name: string; readonly ageMs: number }[]> {
    return Array.from(this.files.keys(), (name) => ({ name, ageMs: this.ageMs }));
  }
}
