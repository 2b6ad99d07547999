import { durationOption, parsePlace } from '../arguments.ts';
import { reportPosted } from '../posted.ts';
import type { Command } from 'commander';
import type { Run } from '../run.ts';

const CALL_MS_MAX = 30_000;

interface Timed {
  readonly timeout: number;
}

interface ReportOptions {
  readonly reason: string;
  readonly reveal?: true;
  readonly also: readonly number[];
}

const placesOf = (text: string, before: readonly number[]): readonly number[] => [...before, parsePlace(text)];

/** What one does to messages that are there: reply, edit, react, report, delete. */
export function addRelationVerbs(parley: Command, run: Run): void {
  const verb = (name: string, description: string): Command =>
    parley
      .command(name)
      .description(description)
      .argument('<target>', '@name, a room’s name, or room:ID')
      .argument('<seq>', 'the number of the message: parley read --numbers', parsePlace);
  const timeout = () => durationOption('--timeout <TIME>', 'how long to try; then it stays queued', '30s');

  verb('reply', 'answer a message')
    .argument('<text>', '- reads it from standard input')
    .addOption(timeout())
    .action((to: string, seq: number, text: string, options: Timed) =>
      run(async (client, terminal) => {
        const said = text === '-' ? await terminal.standardInput() : text;
        reportPosted(terminal, await client.send(to, said, { replyTo: seq, timeoutMs: options.timeout }));
      }),
    );

  verb('edit', 'give one’s own message another text')
    .argument('<text>', '- reads it from standard input')
    .addOption(timeout())
    .action((to: string, seq: number, text: string, options: Timed) =>
      run(async (client, terminal) => {
        const said = text === '-' ? await terminal.standardInput() : text;
        reportPosted(terminal, await client.messages.edit(to, seq, said, { timeoutMs: options.timeout }));
      }),
    );

  verb('react', 'react to a message')
    .argument('<reaction>', 'an emoji')
    .option('--remove', 'take this reaction back')
    .addOption(timeout())
    .action((to: string, seq: number, reaction: string, options: Timed & { readonly remove?: boolean }) =>
      run(async (client, terminal) => {
        if (options.remove !== true) {
          reportPosted(terminal, await client.messages.react(to, seq, reaction, { timeoutMs: options.timeout }));
          return;
        }
        const seqs = await client.unreact(to, seq, reaction, options.timeout);
        terminal.result({ seqs, state: 'deleted' }, 'Taken back.');
      }),
    );

  verb('mark-read', 'say that one has read up to this message').action((to: string, seq: number) =>
    run(async (client, terminal) => {
      const room = await client.roomAdmin.markRead(to, seq, CALL_MS_MAX);
      terminal.result({ room, read: seq }, `Read up to number ${seq}.`);
    }),
  );

  verb('report', 'tell the admins of the server of a message; they read only what you reveal')
    .requiredOption('--reason <TEXT>', 'why')
    .option('--reveal', 'show them its text')
    .option('--also <SEQ>', 'show them another message as well; may be given twice', placesOf, [])
    .action((to: string, seq: number, { reason, reveal, also }: ReportOptions) =>
      run(async (client, terminal) => {
        const shown = [...new Set([...(reveal === true ? [seq] : []), ...also])];
        const report = await client.reports.report(to, { seq, reason, reveal: shown });
        terminal.result({ report, revealed: shown }, `Report ${report} waits for the admins of the server.`);
      }),
    );

  verb('delete', 'delete a message with its edits and reactions: one’s own, or, as an admin of a group, any').action(
    (to: string, seq: number) =>
      run(async (client, terminal) => {
        const { room, seqs } = await client.messages.delete(to, seq, CALL_MS_MAX);
        terminal.result({ room, seqs, state: 'deleted' }, `Deleted number ${seqs.join(', ')}.`);
      }),
  );
}
