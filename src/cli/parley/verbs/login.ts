import { ParleyError } from '../../../protocol/errors.ts';
import { durationOption } from '../arguments.ts';
import { confirmRecoveryCode, knownPassword, knownRecoveryCode, newPassword } from '../secrets.ts';
import type { Command } from 'commander';
import type { ParleyClient } from '../../../client/client.ts';
import type { LoginProof } from '../../../client/login-proof.ts';
import type { LoginStage } from '../../../client/login-stage.ts';
import type { Run } from '../run.ts';
import type { SecretOptions } from '../secrets.ts';
import type { Terminal } from '../terminal.ts';

/** It waits for somebody. */
const LONG = { takesLong: true };
/** How long a login waits by itself when too many were tried before. */
const PATIENCE_MS = 60_000;
const PASSWORD_FILE = ['--password-file <FILE>', 'its first line; else PARLEY_PASSWORD, else it is asked for'] as const;
const RECOVERY_FILE = ['--recovery-code-file <FILE>', 'else PARLEY_RECOVERY_CODE, else it is asked for'] as const;
const BY_PASSWORD = [
  '--vault-by-password',
  'the password alone opens the vault: handier, but whoever breaks into a node can guess at it there',
] as const;

interface RegisterOptions extends SecretOptions {
  readonly invite?: string;
  /** False with `--no-password`. */
  readonly password: boolean;
  readonly vaultByPassword?: boolean;
}

interface LoginVerbOptions extends SecretOptions {
  readonly timeout: number;
  readonly totp?: string;
}

/** Getting into an account: register, login, recover. */
export function addLoginVerbs(parley: Command, run: Run): void {
  parley
    .command('register')
    .description('make an account; this home is its first device')
    .argument('<name>', '2 to 32 of a–z, 0–9, dot, dash and underscore')
    .option('--invite <CODE>', 'an invitation, where the cluster asks for one')
    .option(...PASSWORD_FILE)
    .option('--no-password', 'an account that its devices alone log in to')
    .option(...BY_PASSWORD)
    .action((name: string, options: RegisterOptions) =>
      run((client, terminal) => register(client, terminal, name, options)),
    );

  parley
    .command('login')
    .description(
      'make this home a further device of an account: by password, or by a code that another device approves',
    )
    .argument('<name>')
    .option(...PASSWORD_FILE)
    .option(...RECOVERY_FILE)
    .option('--totp <CODE>', 'what the phone shows, where it is asked for')
    .addOption(durationOption('--timeout <TIME>', 'how long to wait for approval', '15m'))
    .action((name: string, options: LoginVerbOptions) =>
      run((client, terminal) => logIn(client, terminal, name, options), LONG),
    );

  parley
    .command('recover')
    .description('get back into an account by its recovery code, and set a new password')
    .argument('<name>')
    .option(...RECOVERY_FILE)
    .option(...PASSWORD_FILE)
    .action((name: string, options: SecretOptions) =>
      run((client, terminal) => recover(client, terminal, name, options), LONG),
    );
}

/** As `parley register` does. */
export async function register(
  client: ParleyClient,
  terminal: Terminal,
  name: string,
  options: RegisterOptions,
): Promise<void> {
  const password = options.password ? await newPassword(terminal, options, { canBeNone: true }) : null;
  const invite = options.invite === undefined ? {} : { invite: options.invite };
  if (password === null) {
    const enrolled = await client.account.register(name, options.invite);
    terminal.result(
      enrolled,
      `You are ${enrolled.account} now. This account has no password: this device holds its only key, and losing it\n` +
        `loses the account. To be safe, set one (parley password set), or enrol a second device:\n` +
        `parley --home ANOTHER login ${enrolled.account}`,
    );
    return;
  }
  const opensVault = options.vaultByPassword ?? false;
  const signedUp = await client.login.signUp({ name, password, opensVault, ...invite }, { onStage: tell(terminal) });
  terminal.result(signedUp, `You are ${signedUp.account} now.\n${recoveryText(signedUp.recoveryCode)}`);
  await confirmRecoveryCode(terminal, signedUp.recoveryCode);
}

/** As `parley login` does. */
export async function logIn(
  client: ParleyClient,
  terminal: Terminal,
  name: string,
  options: LoginVerbOptions,
): Promise<void> {
  const password = await knownPassword(terminal, options);
  if (password === null) return waitForApproval(client, terminal, name, options.timeout);
  const { signal } = terminal;
  const attempt = await client.login.begin(
    { name, password },
    { onStage: tell(terminal), patienceMs: PATIENCE_MS, signal },
  );
  const proof = await attempt.finish(options.totp).catch(async (error: unknown) => {
    const isAsked = error instanceof ParleyError && error.code === 'totp_required' && terminal.isInteractive;
    if (!isAsked) throw error;
    return attempt.finish(await terminal.ask('Code of the phone: '));
  });
  if (await enrolByVault(terminal, proof, options)) return;
  await waitForApproval(client, terminal, name, options.timeout);
  await proof.renewPassword();
}

/** @returns false where nothing opens the vault here */
async function enrolByVault(terminal: Terminal, proof: LoginProof, options: SecretOptions): Promise<boolean> {
  const vault = await proof.vault();
  const code = vault === 'needs-recovery-code' ? await knownRecoveryCode(terminal, options) : null;
  if (vault === 'none' || (vault === 'needs-recovery-code' && code === null)) {
    terminal.note('the password is right; now a device that is enrolled has to let this one in');
    return false;
  }
  const enrolled = await proof.enrol(code ?? undefined);
  terminal.result(enrolled, `You are ${enrolled.account} now. What was sent before cannot be read here.`);
  return true;
}

async function waitForApproval(
  client: ParleyClient,
  terminal: Terminal,
  name: string,
  timeoutMs: number,
): Promise<void> {
  const { code, device } = await client.enrolment.request(name);
  terminal.result({ code, device }, `On a device that is enrolled already run: parley devices approve ${code}`);
  const enrolled = await client.enrolment.awaitApproval(timeoutMs, terminal.signal);
  terminal.result(enrolled, `You are ${enrolled.account} now. What was sent before cannot be read here.`);
}

async function recover(client: ParleyClient, terminal: Terminal, name: string, options: SecretOptions): Promise<void> {
  const recoveryCode = await knownRecoveryCode(terminal, options);
  if (recoveryCode === null) throw new ParleyError('usage', 'Give the recovery code: --recovery-code-file.');
  const password = await newPassword(terminal, options, { canBeNone: true });
  const enrolled = await client.login.recover({ name, recoveryCode }, { onStage: tell(terminal) });
  if (password !== null) await client.factors.setPassword(password);
  const next =
    password === null ? 'The password is what it was; parley password set changes it.' : 'The password is set.';
  terminal.result(
    { ...enrolled, passwordSet: password !== null },
    `You are ${enrolled.account} now. ${next}\nThe recovery code goes on to be valid; parley recovery new makes another.`,
  );
}

/** How a recovery code is shown. */
export function recoveryText(code: string): string {
  return (
    `Your recovery code, the only way back when password and devices are lost:\n\n  ${code}\n\n` +
    `Write it down and keep it offline. Whoever has it has the account.`
  );
}

function tell(terminal: Terminal): (stage: LoginStage) => void {
  return (stage) => {
    if (stage.stage !== 'waiting') return;
    terminal.note(`too many attempts on this name or from here: waiting ${Math.ceil(stage.retryAfterMs / 1_000)} s …`);
  };
}
