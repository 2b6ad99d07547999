import { resolve } from 'node:path';
import { homedir } from 'node:os';
import { bytesText } from '../../parley/bytes-text.ts';
import { FolderSink } from '../../parley/files/folder-sink.ts';
import { localFile } from '../../parley/files/local-file.ts';
import { mediaTypeOf } from '../../parley/files/media-type.ts';
import { safeName } from '../../parley/files/safe-name.ts';
import type { FileJson } from '../../../client/reader.ts';
import type { Chat } from './chat.ts';

const TIMEOUT_MS = 30_000;
const PROGRESS_EVERY_MS = 100;

/** Files that come and go beside the conversation; each says how far it is. */
export class FileTransfer {
  readonly #chat: Chat;
  #saidAtMs = 0;

  constructor(chat: Chat) {
    this.#chat = chat;
  }

  /** @param path as it was typed; `~` is the home directory */
  async send(target: string, path: string): Promise<void> {
    await this.#chat.post(async (options) => {
      const file = await localFile(expanded(path));
      const source = { name: file.name, mediaType: mediaTypeOf(file.name), bytes: file.bytes };
      await this.#chat.client.files.send(target, source, {
        ...options,
        onSealed: (done) => this.#progress(`encrypting ${file.name}`, done, file.sizeBytes),
      });
      this.#chat.notices.say(`${file.name} is on its way`);
    });
  }

  /** @param folder where the program was started, unless one was typed */
  async save(id: string, file: FileJson, folder: string): Promise<void> {
    await this.#chat.ask(async () => {
      const name = safeName(file.name);
      const row = await this.#chat.client.files.find(id);
      const sink = await FolderSink.open({ folder: expanded(folder), name, blob: file.blob, force: false });
      try {
        await this.#chat.client.files.get(row, sink, {
          timeoutMs: TIMEOUT_MS,
          onProgress: (done, total) => this.#progress(`getting ${name}`, done, total),
        });
      } finally {
        await sink.close();
      }
      this.#chat.notices.say(`saved ${sink.path}, ${bytesText(file.sizeBytes)}`);
    });
  }

  #progress(what: string, done: number, total: number | null): void {
    const nowMs = performance.now();
    if (nowMs - this.#saidAtMs < PROGRESS_EVERY_MS) return;
    this.#saidAtMs = nowMs;
    const share =
      total === null || total === 0 ? '' : ` of ${bytesText(total)} (${Math.floor((100 * done) / total)} %)`;
    this.#chat.notices.say(`${what}: ${bytesText(done)}${share}`);
  }
}

function expanded(path: string): string {
  return resolve(path.replace(/^~(?=\/|$)/, homedir()));
}
