import type { FileSink } from '../../client/files.ts';
import type { ParleyClient } from '../../client/client.ts';
import type { FileRow } from '../../client/rows.ts';

const SILENT_MS_MAX = 30_000;

/** What a browser may show, by how: all of it as what it is called here, whatever the sender called it. */
const SHOWN: readonly (readonly [RegExp, 'picture' | 'sound' | 'film' | 'pages'])[] = [
  [/^image\/(png|jpeg|gif|webp|avif|bmp)$/, 'picture'],
  [/^audio\/(mpeg|ogg|wav|webm|mp4|aac|flac|x-wav|x-m4a)$/, 'sound'],
  [/^video\/(mp4|webm|ogg)$/, 'film'],
  [/^application\/pdf$/, 'pages'],
];

export type Shown = 'picture' | 'sound' | 'film' | 'pages' | null;

/** Null for what is only ever downloaded: SVG and HTML could do more than be looked at. */
export function shownAs(mediaType: string): Shown {
  return SHOWN.find(([types]) => types.test(mediaType))?.[1] ?? null;
}

/** Fetches and decrypts a file. @throws ParleyError `file_unreadable` */
export async function openFile(
  client: ParleyClient,
  file: FileRow,
  onProgress: (share: number) => void,
): Promise<Blob> {
  const sink = new BlobSink();
  await client.files.get(file, sink, {
    timeoutMs: SILENT_MS_MAX,
    onProgress: (got, size) => onProgress(size === 0 ? 1 : got / size),
  });
  return sink.blobOf(shownAs(file.mediaType) === null ? 'application/octet-stream' : file.mediaType);
}

/** A file that is put together in this page; the browser moves large ones to its disk. */
class BlobSink implements FileSink {
  #parts: Uint8Array<ArrayBuffer>[] = [];
  #lengthBytes = 0;

  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  read(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(0));
  }

  async write(_atByte: number, bytes: Uint8Array): Promise<void> {
    this.#parts.push(Uint8Array.from(bytes));
    this.#lengthBytes += bytes.length;
  }

  async finish(): Promise<void> {}

  async discard(): Promise<void> {
    this.#parts = [];
    this.#lengthBytes = 0;
  }

  async close(): Promise<void> {}

  blobOf(type: string): Blob {
    return new Blob(this.#parts, { type });
  }
}

export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
