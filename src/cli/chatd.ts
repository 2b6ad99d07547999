/** `chatd`: one node of a cluster. */
import { Command, CommanderError, Option } from 'commander';
import { pino } from 'pino';
import { readChatdConfig, wrappingKeySource } from './chatd/config.ts';
import { CHATD_OPTIONS, environmentName } from './chatd/options.ts';
import { rekey } from './chatd/rekey.ts';
import { runNode } from './chatd/run-node.ts';
import { packageVersion } from './version.ts';
import { EXIT, ParleyError } from '../protocol/errors.ts';
import type { OptionRow } from './chatd/options.ts';

/** A second signal, or a stop that hangs, ends the process at once. */
const STOP_MS_MAX = 20_000;

function program(): Command {
  const chatd = new Command('chatd')
    .description('Runs one node of a Parley cluster, with its nats-server.')
    .version(packageVersion())
    .exitOverride()
    .showHelpAfterError()
    .addHelpText(
      'after',
      `
Every option can also be given in the environment (--nats-port: ${environmentName('nats-port')}) or in the TOML file
that --config names; in the environment only: ${environmentName('wrapping-key')}, the wrapping key itself.

Example, one of three nodes on one machine:
  chatd --id n1 --peers n1=127.0.0.1:8281,n2=127.0.0.1:8282,n3=127.0.0.1:8283 \\
        --api 127.0.0.1:8081 --nats-port 8181 --data ./n1 --cluster-secret-file ./cluster.secret`,
    );
  const rows: readonly OptionRow[] = CHATD_OPTIONS;
  for (const row of rows) if (row.environmentOnly !== true) chatd.addOption(optionOf(row));
  return chatd;
}

function optionOf(row: OptionRow): Option {
  const fallback = row.default === undefined ? '' : ` (default: ${row.default})`;
  const option = new Option(
    row.value === undefined ? `--${row.name}` : `--${row.name} <${row.value}>`,
    row.help + fallback,
  );
  if (row.choices !== undefined) option.choices([...row.choices]);
  if (row.repeatable === true) option.argParser((value: string, before?: string[]) => [...(before ?? []), value]);
  return option;
}

/** Values by option name; commander hands them out by camel-cased names. */
function givenFlags(chatd: Command): Parameters<typeof readChatdConfig>[0] {
  const flags = chatd.options.flatMap((option) => {
    const value: unknown = chatd.getOptionValue(option.attributeName());
    return value === undefined ? [] : [[option.name(), value]];
  });
  return Object.fromEntries(flags) as Parameters<typeof readChatdConfig>[0];
}

interface RekeyFlags {
  readonly data: string;
  readonly wrappingKeyFile?: string;
  readonly wrappingKeyCommand?: string;
  readonly newWrappingKeyFile?: string;
  readonly newWrappingKeyCommand?: string;
}

function addRekey(chatd: Command): void {
  chatd
    .command('rekey')
    .description('Goes over to another wrapping key, while the node is stopped; no data is rewritten.')
    .requiredOption('--data <DIR>', 'data directory of the node')
    .option('--wrapping-key-file <FILE>', 'where the old one is (default: beside --data)')
    .option('--wrapping-key-command <COMMAND>', 'shell command that prints the old one')
    .option('--new-wrapping-key-file <FILE>', 'the new one; made if it is not there (default: replaces the old file)')
    .option('--new-wrapping-key-command <COMMAND>', 'shell command that prints the new one')
    .action(async (flags: RekeyFlags) => {
      const oldKeys = {
        'wrapping-key-file': flags.wrappingKeyFile ?? null,
        'wrapping-key-command': flags.wrappingKeyCommand ?? null,
        'wrapping-key': process.env[environmentName('wrapping-key')] ?? null,
      };
      const newKeys = {
        'wrapping-key-file': flags.newWrappingKeyFile ?? null,
        'wrapping-key-command': flags.newWrappingKeyCommand ?? null,
        'wrapping-key': null,
      };
      const to = wrappingKeySource((name) => newKeys[name]);
      const from = wrappingKeySource((name) => oldKeys[name]);
      const { old, now } = await rekey({ dir: flags.data, from, to: to.kind === 'beside' ? undefined : to });
      process.stdout.write(`${flags.data} is sealed under wrapping key ${now}; ${old} opens it no more.\n`);
    });
}

async function main(): Promise<void> {
  const chatd = program();
  chatd.enablePositionalOptions().action(() => runUntilStopped(chatd));
  addRekey(chatd);
  await chatd.parseAsync();
}

async function runUntilStopped(chatd: Command): Promise<void> {
  const config = readChatdConfig(givenFlags(chatd), process.env);
  // What this process starts has no use for it.
  delete process.env[environmentName('wrapping-key')];
  const lines = pino.destination({ fd: 2, sync: true });
  // What the disk has no room for is not worth ending the node.
  lines.on('error', () => undefined);
  const logger = pino({ level: config.logLevel, base: { node: config.name } }, lines);
  let onFull: (error: ParleyError) => void = end;
  const node = await runNode(config, packageVersion(), logger, { onFatal: end, onFull: (error) => onFull(error) });

  let stopping = false;
  const stop = (why: string, exitCode: number, exit: () => void = () => process.exit(exitCode)): void => {
    if (stopping) process.exit(exitCode === 0 ? 1 : exitCode);
    stopping = true;
    logger.info({ why }, 'stopping');
    setTimeout(() => process.exit(1), STOP_MS_MAX).unref();
    node.stop().then(exit, end);
  };
  onFull = (error) => stop(error.message, error.exitCode, () => end(error));
  process.on('SIGTERM', () => stop('SIGTERM', 0));
  process.on('SIGINT', () => stop('SIGINT', 0));
  // A supervisor that started this process with a channel and is gone cannot stop it any more.
  process.on('disconnect', () => stop('supervisor gone', 0));
}

/** The last line on standard error says in one sentence why the process ends. */
function end(error: unknown): never {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
  const sentence = error instanceof Error ? error.message : String(error);
  const stack = error instanceof ParleyError || !(error instanceof Error) ? '' : `${error.stack}\n`;
  process.stderr.write(`${stack}chatd: ${sentence}\n`);
  process.exit(error instanceof ParleyError ? error.exitCode : EXIT.failed);
}

process.on('uncaughtException', end);
process.on('unhandledRejection', end);
main().catch(end);
