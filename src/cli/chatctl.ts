/** `chatctl`: looks after a cluster. */
import { Command } from 'commander';
import { adminRequest, askAll, leaderRequest, resolveTarget } from './chatctl/admin-client.ts';
import { examine } from './chatctl/doctor/examine.ts';
import { findingsOf } from './chatctl/doctor/findings.ts';
import { doctorExitCode, findingsJson, renderFindings } from './chatctl/doctor/report.ts';
import { addAuditVerb } from './chatctl/verbs/audit.ts';
import { addDiskKeysVerbs } from './chatctl/verbs/disk-keys.ts';
import { addKeyVerbs } from './chatctl/verbs/keys.ts';
import { addModerationVerbs } from './chatctl/verbs/moderation.ts';
import { addQuotaVerbs } from './chatctl/verbs/quotas.ts';
import { addServerAdminVerbs } from './chatctl/verbs/server-admin.ts';
import { addUserVerbs } from './chatctl/verbs/users.ts';
import { askHashes, judgeHashes, renderVerdict, verifyExitCode } from './chatctl/verify.ts';
import { renderStatus, statusExitCode } from './chatctl/status.ts';
import { reportFailure } from './failure.ts';
import { openHome } from './parley/home.ts';
import { freshTxnId } from './fresh-txn.ts';
import { packageVersion } from './version.ts';
import { EXIT, ParleyError } from '../protocol/errors.ts';
import type { AdminTarget } from './chatctl/admin-client.ts';
import type { CompactJson, StatusJson } from '../protocol/http/schemas.ts';

interface GlobalOptions {
  readonly endpoint?: string;
  readonly adminTokenFile?: string;
  readonly home?: string;
}

const HOUR_MS = 3_600_000;
const COMPACT_MS_MAX = 120_000;
const TOKEN_MS_MAX = 15_000;
const MEMBER_VERBS = [
  ['add', 'let in a node that was started with an empty data directory; it learns, and votes once it is promoted'],
  ['promote', 'let a learner vote, once it has caught up'],
  ['remove', 'take a node out for good; refused where the others would have no majority'],
  ['replace', 'let a node that lost its data back in, under the same name; it votes again once it has caught up'],
] as const;

const compactNode = (node: AdminTarget): Promise<CompactJson> =>
  adminRequest<CompactJson>(node, 'POST', '/v1/admin/compact', { timeoutMs: COMPACT_MS_MAX });

/** Logs in, or renews the session, at the first request; a home is not held for longer than that. */
function sessionOfHome(home: string, endpoint: string | undefined): () => Promise<string> {
  let token: Promise<string> | undefined;
  const open = async (): Promise<string> => {
    const client = await openHome({ home, ...(endpoint === undefined ? {} : { endpoint }) }, process.env);
    try {
      return await client.accessToken(TOKEN_MS_MAX);
    } finally {
      await client.close();
    }
  };
  return () => (token ??= open());
}

function program(): Command {
  const chatctl = new Command('chatctl')
    .description('Looks after a Parley cluster: shows its state and administers it.')
    .option('--endpoint <URL[,URL…]>', 'nodes to ask, tried in turn (default: the local cluster)')
    .option('--admin-token-file <FILE>', 'admin credential (default: found in $PARLEY_DATA/nI/admin.token)')
    .option('--home <DIR>', 'ask as the admin of the server whose home of parley this is, in place of an admin token')
    .version(packageVersion())
    .exitOverride()
    .showHelpAfterError()
    .addHelpText(
      'after',
      `
Examples:
  chatctl status                     the local cluster at a glance
  chatctl status --json              the same for programs
  chatctl doctor                     what is wrong, and what to do
  chatctl --endpoint https://chat.example status
  chatctl invite --hours 48          a code with which one person may register

Exit codes: 0 ok (status: healthy, doctor: no problems), 1 failed (status: degraded, doctor: problems), 2 usage, 3 no node reachable, 4 no quorum,
5 not authorised, 6 not found, 7 conflict, 8 timed out.`,
    );
  const target = (): AdminTarget => {
    const given = chatctl.opts<GlobalOptions>();
    const found = resolveTarget(given, process.env);
    return given.home === undefined ? found : { ...found, session: sessionOfHome(given.home, given.endpoint) };
  };

  chatctl
    .command('status')
    .description('show every node: role, log positions, load, state hash')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: boolean }) => {
      const status = await adminRequest<StatusJson>(target(), 'GET', '/v1/admin/status');
      console.log(options.json === true ? JSON.stringify(status) : renderStatus(status));
      process.exitCode = statusExitCode(status);
    });

  chatctl
    .command('doctor')
    .description('ask every node by itself, with or without a leader; say what is wrong and what to do')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: boolean }) => {
      const nodes = await examine(target());
      const findings = findingsOf(nodes, Date.now());
      const json = options.json === true;
      console.log(json ? JSON.stringify(findingsJson(nodes, findings)) : renderFindings(nodes, findings));
      process.exitCode = doctorExitCode(findings);
    });

  chatctl
    .command('verify')
    .description('compare the state of all nodes at one index')
    .option('--deep', 'let every node read all its rows and compare them with its hash')
    .option('--json', 'print one JSON object')
    .action(async (options: { deep?: boolean; json?: boolean }) => {
      const verdict = judgeHashes(await askHashes(target(), options.deep === true));
      console.log(options.json === true ? JSON.stringify(verdict) : renderVerdict(verdict));
      process.exitCode = verifyExitCode(verdict);
    });

  chatctl
    .command('snapshot')
    .description('let every node put its state on disk and drop the log that it covers')
    .option('--json', 'print one JSON object per node')
    .action(async (options: { json?: boolean }) => {
      for (const { node, reply } of await askAll(target(), compactNode)) {
        if (reply === null) process.exitCode = EXIT.cannotConnect;
        const text =
          reply === null
            ? `${node} does not answer`
            : `${node}: state on disk up to ${reply.durableIndex}, log from ${reply.firstIndex}`;
        console.log(options.json === true ? JSON.stringify({ node, ...reply }) : text);
      }
    });

  addDiskKeysVerbs(chatctl, target);

  const member = chatctl.command('member').description('let nodes in and out, one at a time');
  for (const [verb, description] of MEMBER_VERBS) {
    member
      .command(verb)
      .description(description)
      .argument('<node>')
      .option('--json', 'print the status as one JSON object')
      .action(async (node: string, options: { json?: boolean }) => {
        const status = await leaderRequest<StatusJson>(target(), '/v1/admin/members', {
          verb,
          node,
          txnId: freshTxnId(),
        });
        console.log(options.json === true ? JSON.stringify(status) : renderStatus(status));
      });
  }

  chatctl
    .command('transfer-leader')
    .description('hand leadership to another voter')
    .argument('[node]', 'which one (default: whoever is furthest)')
    .option('--json', 'print one JSON object')
    .action(async (to: string | undefined, options: { json?: boolean }) => {
      const reply = await leaderRequest<{ leader: string }>(target(), '/v1/admin/leader', {
        to: to ?? null,
        txnId: freshTxnId(),
      });
      console.log(options.json === true ? JSON.stringify(reply) : `${reply.leader} leads now.`);
    });

  chatctl
    .command('invite')
    .description('make an invitation code, good for one registration')
    .option('--hours <N>', 'how long it is good for', '168')
    .option('--json', 'print one JSON object')
    .action(async (options: { hours: string; json?: boolean }) => {
      const hours = Number(options.hours);
      if (!(hours > 0 && hours <= 720)) throw new ParleyError('usage', '--hours must be more than 0 and at most 720.');
      const reply = await adminRequest<{ invite: string; expiresAt: string }>(target(), 'POST', '/v1/admin/invites', {
        body: { ttlMs: Math.max(Math.round(hours * HOUR_MS), 60_000), txnId: freshTxnId() },
      });
      console.log(options.json === true ? JSON.stringify(reply) : `${reply.invite}  (until ${reply.expiresAt})`);
    });
  addServerAdminVerbs(chatctl, target);
  addQuotaVerbs(chatctl, target);
  addUserVerbs(chatctl, target);
  addModerationVerbs(chatctl, target);
  addAuditVerb(chatctl, target);
  addKeyVerbs(chatctl, target);
  return chatctl;
}

try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = reportFailure('chatctl', error);
}
