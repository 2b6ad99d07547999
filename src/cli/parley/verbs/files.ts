import { ParleyError } from '../../../protocol/errors.ts';
import { printable } from '../../printable.ts';
import { durationOption } from '../arguments.ts';
import { bytesText } from '../bytes-text.ts';
import { FolderSink } from '../files/folder-sink.ts';
import { localFile } from '../files/local-file.ts';
import { mediaTypeOf } from '../files/media-type.ts';
import { Progress } from '../files/progress.ts';
import { safeName } from '../files/safe-name.ts';
import type { Command } from 'commander';
import type { ParleyClient } from '../../../client/client.ts';
import type { Run } from '../run.ts';
import type { Terminal } from '../terminal.ts';

interface SendFileOptions {
  readonly text?: string;
  readonly name?: string;
  readonly type?: string;
  readonly timeout: number;
}

interface GetFileOptions {
  readonly out: string;
  readonly name?: string;
  readonly force?: boolean;
  readonly timeout: number;
}

/** Files in conversations. */
export function addFileVerbs(parley: Command, run: Run): void {
  const file = parley.command('file').description('send and get files; they are encrypted like messages');
  file
    .command('send')
    .description('send a file; it is kept here, encrypted, until the nodes have it')
    .argument('<target>', '@name, a room’s name, or room:ID')
    .argument('<path>', '- reads it from standard input, with --name')
    .option('--text <TEXT>', 'what is to be said of it')
    .option('--name <NAME>', 'how the others see it called (default: the name that it has)')
    .option('--type <TYPE>', 'its media type (default: by the ending of its name)')
    .addOption(durationOption('--timeout <TIME>', 'how long nothing may come through; then it stays queued', '30s'))
    .action((target: string, path: string, options: SendFileOptions) =>
      run((client, terminal) => sendFile(client, terminal, { ...options, target, path }), { takesLong: true }),
    );
  file
    .command('get')
    .description('get the file that a message brings, from where an earlier attempt ended')
    .argument('<id>', 'the message, as read and tail show it')
    .option('--out <DIR>', 'where to put it', '.')
    .option('--name <NAME>', 'what to call it (default: as its sender does, made harmless)')
    .option('--force', 'replace a file of this name')
    .addOption(durationOption('--timeout <TIME>', 'how long nothing may come', '30s'))
    .action((id: string, options: GetFileOptions) =>
      run((client, terminal) => getFile(client, terminal, id, options), { takesLong: true }),
    );
}

async function sendFile(
  client: ParleyClient,
  terminal: Terminal,
  options: SendFileOptions & { readonly target: string; readonly path: string },
): Promise<void> {
  const { target, path, text, timeout } = options;
  const piped = { name: undefined, bytes: process.stdin, sizeBytes: null };
  const { bytes, sizeBytes, name: given } = path === '-' ? piped : await localFile(path);
  const name = options.name ?? given;
  if (name === undefined) throw new ParleyError('usage', 'What comes from standard input needs a --name.');
  const progress = new Progress(!terminal.json);
  const source = { name, mediaType: options.type ?? mediaTypeOf(name), bytes };
  const posted = await client.files
    .send(target, source, {
      text,
      timeoutMs: timeout,
      onSealed: (done) => progress.show('encrypting', done, sizeBytes),
      onUploaded: (done, total) => progress.show('sending', done, total),
    })
    .finally(() => progress.end());
  const { room, seq, id, state, reason } = posted.result;
  terminal.result({ room, seq, id, state, name }, state === 'sent' ? `sent, number ${seq}` : 'queued');
  for (const [txnId, error] of posted.others?.refused ?? []) {
    terminal.note(`the queued message ${txnId} was refused: ${error.message}`);
  }
  if (reason === undefined) return;
  terminal.note('the file waits here and goes out with the next command that reaches a node.');
  throw reason;
}

async function getFile(client: ParleyClient, terminal: Terminal, id: string, options: GetFileOptions): Promise<void> {
  const file = await client.files.find(id);
  const name = safeName(options.name ?? file.name);
  const sink = await FolderSink.open({ folder: options.out, name, blob: file.blob, force: options.force === true });
  const progress = new Progress(!terminal.json);
  try {
    await client.files.get(file, sink, {
      timeoutMs: options.timeout,
      onProgress: (done, total) => progress.show('getting', done, total),
    });
  } finally {
    progress.end();
    await sink.close();
  }
  const { sizeBytes, mediaType } = file;
  terminal.result(
    { id, path: sink.path, name, sizeBytes, mediaType },
    `${printable(sink.path)}, ${bytesText(sizeBytes)}`,
  );
}
