import type { FileSink } from '../../client/files.ts';

/** A file that is read into memory. */
export class MemorySink implements FileSink {
  bytes: Buffer;
  state: 'open' | 'finished' | 'discarded' = 'open';

  constructor(left: Uint8Array = new Uint8Array(0)) {
    this.bytes = Buffer.from(left);
  }

  get lengthBytes(): number {
    return this.bytes.length;
  }

  async read(fromByte: number, bytes: number): Promise<Uint8Array> {
    return this.bytes.subarray(fromByte, fromByte + bytes);
  }

  async write(atByte: number, bytes: Uint8Array): Promise<void> {
    const end = atByte + bytes.length;
    if (end > this.bytes.length) this.bytes = Buffer.concat([this.bytes, Buffer.alloc(end - this.bytes.length)]);
    this.bytes.set(bytes, atByte);
  }

  async finish(sizeBytes: number): Promise<void> {
    this.bytes = this.bytes.subarray(0, sizeBytes);
    this.state = 'finished';
  }

  async discard(): Promise<void> {
    this.state = 'discarded';
  }

  async close(): Promise<void> {}
}
