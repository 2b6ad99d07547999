import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { pack, unpack } from '../src/client/rows.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { LevelStore } from '../src/cli/store/level-store.ts';
import { ApiPerson } from '../src/testing/api-person.ts';
import { makeTxnId } from '../src/protocol/txn-id.ts';
import { linesOf, PARLEY, ParleyHome } from './parley-home.ts';
import { CHATD, until } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';
import type { PinRow } from '../src/client/rows.ts';
import type { Static } from '@sinclair/typebox';
import type { ClusterReply } from '../src/protocol/http/schemas.ts';
import type { StoreTransaction } from '../src/client/store.ts';

const NOBODY = 'http://127.0.0.1:1';

describe('parley', () => {
  let dir: string;
  let cluster: ScratchCluster;
  let endpoints: string;
  const homes: ParleyHome[] = [];
  let [ann, bob] = [new ParleyHome(''), new ParleyHome('')];

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'parley-homes-'));
    cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD });
    endpoints = cluster.layout.nodes.map(apiUrl).join(',');
    ann = homeOf('ann');
    bob = homeOf('bob');
    const [first, ...others] = endpoints.split(',');
    await ann.json('--endpoint', `${first},${others.join(',')}`, 'register', 'ann');
    await bob.json('--endpoint', others.join(','), 'register', 'bob');
  });
  afterAll(async () => {
    for (const home of homes) home.close();
    await cluster.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const homeOf = (name: string, env: Record<string, string> = {}): ParleyHome => {
    const home = new ParleyHome(join(dir, name), { PARLEY_DATA: cluster.layout.dataDir, ...env });
    homes.push(home);
    return home;
  };
  const copyOf = (home: ParleyHome, name: string): ParleyHome => {
    cpSync(home.dir, join(dir, name), { recursive: true });
    return homeOf(name);
  };
  const edit = async (home: ParleyHome, work: (tx: StoreTransaction) => Promise<void>): Promise<void> => {
    const store = new LevelStore(join(home.dir, 'store'));
    await store.transaction(work);
    await store.close();
  };

  describe('for programs', () => {
    it('says who was registered', async () => {
      const carl = homeOf('carl');
      const [answer, ...more] = await carl.json('--endpoint', endpoints, 'register', '@Carl');
      expect(answer).toEqual({ account: 'carl', device: expect.stringMatching(/^D[a-z2-7]{26}$/) });
      expect(more).toEqual([]);
      const [me] = await carl.json('whoami');
      expect(me).toMatchObject({ account: 'carl', device: answer!['device'], endpoints: endpoints.split(',') });
    });

    it('sends, reads and lists, one object a line', async () => {
      const [sent] = await ann.json('send', '@bob', 'Hello Bob');
      expect(sent).toEqual({
        room: expect.stringMatching(/^R[a-z2-7]{26}$/),
        seq: 1,
        id: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}-D[a-z2-7]{26}$/),
        state: 'sent',
      });
      await bob.json('send', '@ann', 'Hello Ann\nsecond line');
      const read = await ann.json('read', '@bob');
      expect(read).toMatchObject([
        { room: sent!['room'], seq: 1, id: sent!['id'], from: 'ann', account: 'ann', text: 'Hello Bob' },
        { room: sent!['room'], seq: 2, from: 'bob', account: 'bob', text: 'Hello Ann\nsecond line' },
      ]);
      for (const line of read) expect(line['sentAt']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(await ann.json('read', '@bob', '--after', '1')).toMatchObject([{ seq: 2 }]);
      expect(await ann.json('read', '@bob', '--limit', '1')).toMatchObject([{ seq: 2 }]);
      expect(await ann.json('read', '@bob', '--after', '0', '--limit', '1')).toMatchObject([{ seq: 1 }]);
      expect(await ann.json('rooms')).toEqual([{ room: sent!['room'], kind: 'direct', name: 'bob', lastSeq: 2 }]);
    });

    it('makes rooms and fills them', async () => {
      const [made] = await ann.json('room', 'create', 'garden', 'bob');
      expect(made).toEqual({ room: expect.stringMatching(/^R/), kind: 'group', name: 'garden', lastSeq: 0 });
      expect(await ann.json('room', 'add', 'garden', 'carl')).toEqual([{ room: made!['room'], added: 'carl' }]);
      await ann.json('send', 'garden', 'Who waters the plants?');
      const [line] = await new ParleyHome(join(dir, 'carl')).json('read', `room:${String(made!['room'])}`);
      expect(line).toMatchObject({ seq: 1, from: 'ann', text: 'Who waters the plants?' });
      expect(await bob.json('rooms')).toContainEqual({
        room: made!['room'],
        kind: 'group',
        name: 'garden',
        lastSeq: 1,
      });
    });

    it('takes the same message once, under an id of the caller', async () => {
      const txn = makeTxnId(Date.now(), new Uint8Array(randomBytes(10)));
      const [first] = await ann.json('send', '--txn', txn, '@bob', 'once');
      expect(await ann.json('send', '--txn', txn.toLowerCase(), '@bob', 'once')).toEqual([first]);
      expect(String(first!['id'])).toMatch(new RegExp(`^${txn}-`));
      const other = await ann.run('send', '--txn', txn, '@bob', 'twice');
      expect(other).toMatchObject({ code: 7, stderr: expect.stringContaining('(txn_reused)') });
    });

    it('approves a further device', async () => {
      const bob2 = homeOf('bob2');
      const login = bob2.start('--json', '--endpoint', endpoints, 'login', 'bob');
      const { code, device } = JSON.parse((await login.printed(1))[0]!) as { code: string; device: string };
      expect(await bob.json('devices', 'approve', code)).toEqual([{ device, state: 'approved' }]);
      expect(await login.ended).toBe(0);
      expect(JSON.parse(login.lines[1]!)).toEqual({ account: 'bob', device });
      const devices = await bob2.json('devices');
      expect(devices).toHaveLength(2);
      expect(devices).toContainEqual({ device, own: true });
      const [first] = await bob2.json('read', '@ann');
      expect(first).toMatchObject({ seq: 1, text: null, unreadable: 'before_device' });
      await ann.json('send', '@bob', 'to both');
      expect((await bob2.json('read', '@ann')).at(-1)).toMatchObject({ text: 'to both' });
    });

    it('takes options before and after the verb, and a text that looks like one after --', async () => {
      const { stdout } = await ann.run('send', '@bob', 'options', '--json', '--endpoint', endpoints);
      expect(JSON.parse(stdout)).toMatchObject({ state: 'sent' });
      expect((await ann.run('rooms', '--json')).stdout).toMatch(/^\{/);
      expect((await ann.run('devices', '--json')).stdout).toMatch(/^\{/);
      await ann.json('send', '@bob', '--', '--json');
      expect((await bob.json('read', '@ann')).at(-1)).toMatchObject({ text: '--json' });
    });

    it('reads a text from standard input', async () => {
      const long = `${'Grüße 🌱 '.repeat(1_000)}\nsecond line`;
      expect(await ann.pipe(`${long}\n`, 'send', '@bob', '-')).toMatchObject({ code: 0 });
      expect((await bob.json('read', '@ann')).at(-1)).toMatchObject({ text: long });
      expect(await ann.pipe(Uint8Array.of(0xff, 0xfe), 'send', '@bob', '-')).toMatchObject({ code: 2 });
      expect(await ann.pipe('x'.repeat(25_000), 'send', '@bob', '-')).toMatchObject({ code: 1 });
      expect(await ann.pipe('x'.repeat(2_000_000), 'send', '@bob', '-')).toMatchObject({ code: 1 });
      expect(await ann.pipe('\n', 'send', '@bob', '-')).toMatchObject({ code: 2 });
    });
  });

  describe('without endpoints', () => {
    /** More than what the other nodes carry, and so far from it that no lateness of theirs weighs as much. */
    const CROWD = 60;
    type Cluster = Static<typeof ClusterReply>;

    it('goes where fewer are, unless told otherwise', async () => {
      const [full, ...others] = cluster.layout.nodes.map(apiUrl);
      const crowd = await ApiPerson.join(full!, 'crowd');
      const sockets = [];
      for (let i = 0; i < CROWD; i++) sockets.push(await crowd.live());
      const isTold = async (url: string): Promise<boolean> => {
        const { nodes } = (await (await fetch(`${url}/v1/cluster`)).json()) as Cluster;
        return (nodes.find((node) => node.url === full)?.load?.sockets ?? 0) >= CROWD;
      };
      for (const url of [full!, ...others]) await until(`${url} to tell who is there`, () => isTold(url));

      const listensOn = async (home: ParleyHome, ...args: string[]): Promise<string> => {
        const tail = home.start(...args, 'tail');
        await tail.noted('listening on');
        tail.child.kill('SIGTERM');
        await tail.ended;
        return /listening on (\S+)/.exec(tail.stderr)![1]!;
      };
      const dora = homeOf('dora');
      await dora.json('--endpoint', full!, 'register', 'dora');
      // As a home to which none was given: it knows the nodes because one told.
      await edit(dora, async (tx) => tx.delete('endpoints'));
      for (let i = 0; i < 3; i++) expect(others).toContain(await listensOn(dora));
      expect(await listensOn(dora, '--endpoint', full!)).toBe(full);
      // What was given is remembered, until a strategy is asked for.
      expect(await listensOn(dora)).toBe(full);
      expect(others).toContain(await listensOn(dora, '--balance', 'least-loaded'));
      expect(others).toContain(await listensOn(homeOf('dora', { PARLEY_BALANCE: 'least-loaded' })));
      for (const socket of sockets) socket.ws.close();
    });
  });

  describe('for people', () => {
    it('shows messages that cannot steer the terminal', async () => {
      await bob.json('send', '@ann', '\u001B[2Jfirst\u202E\nsecond\r\u0007');
      const { stdout } = await ann.run('read', '@bob', '--limit', '1');
      expect(stdout).toMatch(
        /^\d{4}-\d\d-\d\d \d\d:\d\d bob: \\u\{1b\}\[2Jfirst\\u\{202e\}\n {22,}second\\u\{d\}\\u\{7\}\n$/,
      );
    });

    it('shows names and reasons that cannot either', async () => {
      await ann.json('room', 'create', '\u001B]0;evil\u0007');
      expect((await ann.run('rooms')).stdout).toContain('\\u{1b}]0;evil\\u{7}');
      const { stderr } = await ann.run('send', '\u001B[2J', 'x');
      expect(stderr).toContain('\\u{1b}[2J');
      expect(stderr.trim().split('\n')).toHaveLength(1);
    });

    it('says what rooms there are', async () => {
      const { stdout } = await ann.run('rooms');
      expect(stdout).toMatch(/^name +kind +messages +id\n/);
      expect(stdout).toMatch(/^@bob +direct +\d+ +room:R/m);
      expect(stdout).toMatch(/^garden +group +1 +room:R/m);
      expect((await homeOf('lonely').run('--endpoint', endpoints, 'register', 'lonely')).stdout).toContain('lonely');
      expect(await homeOf('lonely').run('rooms')).toMatchObject({ code: 0, stdout: '' });
    });

    it('teaches', async () => {
      const { code, stdout } = await ann.run('--help');
      expect(code).toBe(0);
      for (const verb of ['register', 'login', 'devices', 'room', 'rooms', 'send', 'read', 'tail']) {
        expect(stdout).toContain(`\n  ${verb} `);
        expect((await ann.run(verb, '--help')).code).toBe(0);
      }
      expect((await ann.run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    });
  });

  describe('ends with', () => {
    it.each([
      [[]],
      [['frobnicate']],
      [['send', '@bob']],
      [['send', '@bob', 'a', 'b']],
      [['read', '@bob', '--limit', '0']],
      [['read', '@bob', '--after', '-1']],
      [['send', '@bob', 'x', '--timeout', 'soon']],
      [['send', '@bob', 'x', '--txn', 'abc']],
      [['send', 'room:R', 'x']],
      [['send', '@ann', 'to myself']],
      [['send', '@bob', '']],
      [['register', 'No Name']],
      [['devices', 'approve', 'XYZ']],
      [['--endpoint', 'ftp://example', 'rooms']],
      [['--balance', 'somehow', 'rooms']],
      [['tail', '@bob', '@carl']],
    ])('2 when it is used like %j', async (args) => {
      const { code, stdout, stderr } = await ann.run(...args);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).not.toMatch(/\n\s+at /);
    });

    it('3 when nobody is there; the message goes out later', async () => {
      const away = copyOf(ann, 'away');
      await edit(away, async (tx) => tx.delete('nodes'));
      const { code, stdout, stderr } = await away.run(
        '--json',
        '--endpoint',
        NOBODY,
        'send',
        '@bob',
        'later',
        '--timeout',
        '1s',
      );
      expect(code).toBe(3);
      expect(JSON.parse(stdout)).toMatchObject({ seq: null, state: 'queued' });
      expect(stderr).toContain('waits here');
      expect(await bob.json('read', '@ann', '--limit', '1')).not.toMatchObject([{ text: 'later' }]);
      const [now] = await away.json('--endpoint', endpoints, 'send', '@bob', 'now');
      const { id } = JSON.parse(stdout) as { id: string };
      expect(await bob.json('read', '@ann', '--limit', '2')).toMatchObject([
        { text: 'later', id, seq: Number(now!['seq']) - 1 },
        { text: 'now' },
      ]);
    });

    it('5 without an account', async () => {
      const empty = homeOf('empty');
      for (const args of [
        ['rooms'],
        ['send', '@bob', 'x'],
        ['read', '@bob'],
        ['tail'],
        ['whoami'],
        ['devices'],
        ['logout'],
      ]) {
        expect(await empty.run('--endpoint', endpoints, ...args)).toMatchObject({
          code: 5,
          stderr: expect.stringContaining('register'),
        });
      }
    });

    it('6 for what there is not', async () => {
      for (const args of [['@nobody-at-all'], ['nowhere'], [`room:R${'a'.repeat(26)}`]]) {
        expect(await ann.run('send', ...args, 'x')).toMatchObject({ code: 6 });
        expect(await ann.run('read', ...args)).toMatchObject({ code: 6, stdout: '' });
      }
      expect(await ann.run('room', 'add', 'garden', 'nobody-at-all')).toMatchObject({ code: 6 });
      expect(await ann.run('room', 'create', 'x', 'nobody-at-all')).toMatchObject({ code: 6 });
      expect(await ann.run('devices', 'approve', 'ABCD-EFGH-JKMN-PQRS')).toMatchObject({ code: 6 });
      expect(await homeOf('ghost').run('--endpoint', endpoints, 'login', 'nobody-at-all')).toMatchObject({ code: 6 });
    });

    it('7 for conflicts', async () => {
      expect(await homeOf('other').run('--endpoint', endpoints, 'register', 'bob')).toMatchObject({
        code: 7,
        stderr: expect.stringContaining('login_exists'),
      });
      expect(await ann.run('register', 'ann2')).toMatchObject({ code: 7 });
      await ann.json('room', 'create', 'twin');
      await ann.json('room', 'create', 'twin');
      expect(await ann.run('send', 'twin', 'x')).toMatchObject({ code: 7, stderr: expect.stringContaining('room:ID') });
      expect(await ann.run('room', 'add', 'garden', 'bob')).toMatchObject({ code: 7 });
      expect(await ann.run('room', 'add', '@bob', 'carl')).toMatchObject({ code: 7 });
    });

    it('7 when a key changed, and sends nothing', async () => {
      const wary = copyOf(ann, 'wary');
      await edit(wary, async (tx) => {
        for (const [key, bytes] of await tx.list('pin/')) {
          const pin = unpack<PinRow>(bytes);
          if (pin.name === 'bob') tx.put(key, pack({ ...pin, userKey: new Uint8Array(32) }));
        }
      });
      const before = await bob.json('read', '@ann');
      expect(await wary.run('send', '@bob', 'secret')).toMatchObject({
        code: 7,
        stdout: '',
        stderr: expect.stringContaining('(user_key_changed)'),
      });
      expect(await bob.json('read', '@ann')).toEqual(before);
    });

    it('1 and one sentence when its home is damaged', async () => {
      const broken = copyOf(ann, 'broken');
      const store = join(broken.dir, 'store');
      for (const name of readdirSync(store)) if (name.startsWith('MANIFEST')) writeFileSync(join(store, name), 'x');
      const { code, stderr } = await broken.run('rooms');
      expect(code).toBe(1);
      expect(stderr).toContain('(home_damaged)');
      expect(stderr.trim().split('\n')).toHaveLength(1);
    });

    it('130 and 143 by signals, at once', async () => {
      const waiting = homeOf('waiting');
      for (const [signal, code] of [
        ['SIGINT', 130],
        ['SIGTERM', 143],
      ] as const) {
        const tail = ann.start('tail');
        await tail.noted('listening');
        tail.child.kill(signal);
        expect([await tail.ended, tail.stdout]).toEqual([code, '']);
        const login = waiting.start('--endpoint', endpoints, 'login', 'ann');
        await login.printed(1);
        login.child.kill(signal);
        expect(await login.ended).toBe(code);
      }
    });

    it.skipIf(!existsSync('/dev/full'))('1 when its output cannot be written', async () => {
      const out = openSync('/dev/full', 'w');
      const child = spawn(process.execPath, [PARLEY, '--home', ann.dir, 'rooms'], { stdio: ['ignore', out, 'pipe'] });
      let stderr = '';
      child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const [code] = (await once(child, 'close')) as [number];
      closeSync(out);
      expect([code, stderr]).toEqual([1, expect.stringContaining('cannot be written')]);
    });

    it('0 when whoever reads has seen enough', async () => {
      const talker = homeOf('talker');
      await talker.json('--endpoint', endpoints, 'register', 'talker');
      await talker.json('room', 'create', 'pipe');
      for (let i = 0; i < 8; i++) await talker.pipe('x'.repeat(24_000), 'send', 'pipe', '-');
      const script = `"${process.execPath}" "${PARLEY}" --home "${talker.dir}" read pipe | head -c 10; echo " \${PIPESTATUS[0]}"`;
      const shell = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
      let [stdout, stderr] = ['', ''];
      shell.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      shell.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      await once(shell, 'close');
      expect([stdout.slice(10), stderr]).toEqual([' 0\n', '']);
    });
  });

  it('keeps its secrets to itself', async () => {
    const modes = (path: string): void => {
      const stat = statSync(path);
      expect([path, (stat.mode & 0o077).toString(8)]).toEqual([path, '0']);
      if (stat.isDirectory()) for (const name of readdirSync(path)) modes(join(path, name));
    };
    modes(ann.dir);
    expect(statSync(ann.dir).mode & 0o777).toBe(0o700);
  });

  it('logs in again by itself after logging out', async () => {
    expect(await ann.json('logout')).toEqual([{ state: 'logged-out' }]);
    expect(await ann.json('logout')).toEqual([{ state: 'logged-out' }]);
    expect((await ann.json('rooms')).length).toBeGreaterThan(0);
  });

  describe('when nodes die', () => {
    const leader = async (): Promise<string> => {
      for (const url of endpoints.split(',')) {
        const answer = await fetch(`${url}/v1/cluster`).then(
          (response) => response.json() as Promise<{ leader: string | null }>,
          () => null,
        );
        if (answer?.leader !== undefined && answer.leader !== null) return answer.leader;
      }
      throw new Error('There is no leader.');
    };
    const revive = async (): Promise<void> => {
      for (const { name } of cluster.layout.nodes) cluster.supervisor.startNode(name);
      const sync = homeOf(`sync${Math.random()}`);
      await sync.json('--endpoint', endpoints, 'register', `sync${Date.now()}`);
    };

    it('prints every message once and in order, while another program of the same home sends', async () => {
      const tail = ann.start('--json', 'tail', '@bob');
      const other = bob.start('--json', 'tail', '@ann');
      await Promise.all([tail.noted('listening'), other.noted('listening')]);
      const expected: string[] = [];
      for (let i = 0; i < 12; i++) {
        if (i === 4) await cluster.supervisor.killNode(await leader(), { withSidecar: false });
        if (i === 8) await revive();
        const [from, to] = i % 3 === 2 ? [bob, '@ann'] : [ann, '@bob'];
        expect(await from.json('send', to, `message ${i}`)).toMatchObject([{ state: 'sent' }]);
        expected.push(`message ${i}`);
      }
      for (const listener of [tail, other]) {
        const lines = (await listener.printed(expected.length, 60_000)).map(
          (line) => JSON.parse(line) as { seq: number; text: string },
        );
        expect(lines.map(({ text }) => text)).toEqual(expected);
        const first = lines[0]!.seq;
        expect(lines.map(({ seq }) => seq)).toEqual(expected.map((_, i) => first + i));
        listener.child.kill('SIGINT');
        expect(await listener.ended).toBe(130);
      }
    });

    it('keeps what it cannot send without a majority, still reads, and sends it later', async () => {
      const [survivor, ...others] = cluster.layout.nodes;
      for (const { name } of others) await cluster.supervisor.killNode(name, { withSidecar: true });
      const { code, stdout, stderr } = await ann.run('--json', 'send', '@bob', 'patience', '--timeout', '4s');
      expect([4, 8]).toContain(code);
      expect(JSON.parse(stdout)).toMatchObject({ seq: null, state: 'queued' });
      expect(stderr).toContain('waits here');
      expect(linesOf(stderr).length).toBeLessThanOrEqual(3);
      const read = await ann.run('--endpoint', apiUrl(survivor!), 'read', '@bob', '--limit', '1');
      expect(read).toMatchObject({ code: 0, stdout: expect.stringContaining('message 11') });
      expect(read.stderr).toContain('there may be newer messages');
      await revive();
      await ann.json('--endpoint', endpoints, 'read', '@bob');
      expect(await bob.json('read', '@ann', '--limit', '1')).toMatchObject([
        { text: 'patience', id: (JSON.parse(stdout) as { id: string }).id },
      ]);
    });

    it('sends what waits when a live feed comes back', async () => {
      const [, ...others] = cluster.layout.nodes;
      for (const { name } of others) await cluster.supervisor.killNode(name, { withSidecar: true });
      const tail = ann.start('tail');
      const queued = await ann.run('send', '@bob', 'by itself', '--timeout', '2s');
      expect(queued).toMatchObject({ stdout: 'queued\n' });
      await revive();
      await tail.noted('listening', 60_000);
      await tail.printed(1, 60_000);
      expect(tail.lines[0]).toMatch(/ @bob ann: by itself$/);
      tail.child.kill('SIGTERM');
      expect(await tail.ended).toBe(143);
    });
  });
});
