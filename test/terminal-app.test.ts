import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterStatus } from '../scripts/chaos/final-state.ts';
import { startScratchCluster } from '../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../src/cli/local-cluster/layout.ts';
import { PARLEY, ParleyHome } from './parley-home.ts';
import { KEYS, PseudoTerminal } from './pseudo-terminal.ts';
import { CHATD, until } from './support.ts';
import type { ScratchCluster } from '../scripts/load/scratch-cluster.ts';

/** Takes the direction of reading, the screen, and the title of the window, where it is let. */
const HOSTILE = 'evil \u202Egnp.exe \u001B[2J\u001B[H\u001B]0;owned\u0007 \u0007\u009B31m end';
const WAIT_MS = 60_000;

describe('the app in a pseudo-terminal, on three nodes', () => {
  let folder = '';
  let cluster: ScratchCluster;
  let endpoints: string;
  const opened: PseudoTerminal[] = [];
  let ann: PseudoTerminal;
  let bob: PseudoTerminal;
  let annHome: ParleyHome;
  let bobHome: ParleyHome;

  const open = (name: string, size = { columns: 80, rows: 24 }, env: Record<string, string> = {}): PseudoTerminal => {
    const place = join(folder, `${name}-${opened.length}`);
    mkdirSync(place);
    const command = [process.execPath, PARLEY, '--home', join(folder, name)];
    const terminal = new PseudoTerminal(command, { folder: place, ...size, env });
    opened.push(terminal);
    return terminal;
  };
  const send = (terminal: PseudoTerminal, text: string): void => {
    terminal.type(text);
    terminal.type(KEYS.enter);
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'parley-terminal-'));
    cluster = await startScratchCluster({ nodes: 3, restart: true, say: () => {}, chatdFile: CHATD });
    const { leader } = await clusterStatus(cluster.layout);
    // Whoever is on the leader loses node and leader at once when it dies.
    const nodes = cluster.layout.nodes.toSorted((a, b) => Number(b.name === leader) - Number(a.name === leader));
    endpoints = nodes.map(apiUrl).join();
    annHome = new ParleyHome(join(folder, 'ann'));
    bobHome = new ParleyHome(join(folder, 'bob'));
    await annHome.json('--endpoint', endpoints, 'register', 'ann', '--no-password');
    await bobHome.json('--endpoint', nodes.map(apiUrl).toReversed().join(), 'register', 'bob', '--no-password');
  });
  afterAll(async () => {
    for (const terminal of opened) terminal.close();
    annHome?.close();
    bobHome?.close();
    await cluster?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('finds a person, and lets two of them converse', async () => {
    ann = open('ann');
    await ann.shows('No conversations yet', WAIT_MS);
    ann.type(KEYS.ctrlO);
    await ann.shows('People');
    ann.type('bo');
    await ann.shows('@bob');
    ann.type(KEYS.enter);
    await ann.shows('Say hello to @bob');
    send(ann, 'Hello Bob');
    await ann.shows(/\d\d:\d\d ann {2}Hello Bob ✓/, WAIT_MS);

    bob = open('bob');
    await bob.shows(/\d\d:\d\d ann {2}Hello Bob/, WAIT_MS);
    await bob.shows('@ann');
    await bob.shows('end-to-end encrypted');
    bob.type('Hel');
    await ann.shows('bob is writing …');
    send(bob, 'lo Ann');
    await ann.shows(/\d\d:\d\d bob {2}Hello Ann/);
    await ann.shows('✓✓ read');
    await ann.shows(/● 127\.0\.0\.1:\d+/);
    expect(ann.lines.at(-1)).toContain('F1 help');
  });

  it('takes a paste of several lines as one message, and what was sent before by ↑', async () => {
    ann.paste('first line\nsecond line');
    await ann.shows('second line');
    expect(bob.text).not.toContain('first line');
    ann.type(KEYS.enter);
    await bob.shows(/ann {2}first line\n/);
    await bob.shows(/^.*│ {6}second line/m);
    send(ann, 'short');
    await bob.shows('short');
    ann.type(KEYS.up);
    await until('the text to be back', () => ann.lines.at(-2)?.includes('› short') === true);
    ann.type('\u0015');
    await ann.shows('write to @bob');
    expect(ann.text).not.toContain('› short');
  });

  it('answers, reacts, edits and deletes', async () => {
    bob.type(KEYS.tab);
    await bob.shows('r answers');
    bob.type('r');
    await bob.shows('answering ann');
    send(bob, 'a word of bob');
    await ann.shows('↳ ann: short');
    await ann.shows('a word of bob');
    await bob.shows(/a word of bob ✓/);
    bob.type(KEYS.tab);
    await bob.shows('r answers');
    bob.type('e');
    await bob.shows('editing #');
    send(bob, ' of yours');
    await ann.shows(/a word of bob of yours \(edited\)/);
    send(ann, '/react 1 👍');
    await bob.shows('👍 1');
    send(ann, 'to be deleted');
    await bob.shows('to be deleted');
    await ann.shows(/to be deleted ✓/);
    ann.type(KEYS.tab);
    await ann.shows('r answers');
    ann.type('dd');
    await bob.shows('(message removed)');
    await bob.hides('to be deleted');
    ann.type(KEYS.escape);
    await ann.hides('r answers');
    expect(ann.text).not.toContain('to be deleted');
  });

  it('finds a message by how its words begin, and goes there', async () => {
    ann.type(KEYS.ctrlF);
    await ann.shows('Find messages');
    ann.type('hel bo');
    await ann.shows(/@bob · Today \d\d:\d\d ann {2}Hello Bob/);
    ann.type(KEYS.enter);
    await ann.shows('r answers');
    await ann.shows(/#1 Hello Bob/);
    ann.type(KEYS.escape);
    await ann.hides('r answers');
    expect(ann.text).not.toContain('Find messages');
  });

  it('sends a file, and saves it', async () => {
    writeFileSync(join(folder, 'notes.txt'), 'what is in the file');
    send(ann, `/file ${join(folder, 'notes.txt')}`);
    await bob.shows('[file notes.txt, 19 bytes', WAIT_MS);
    const number = /notes\.txt, 19 bytes: \/save (\d+)/.exec(bob.text)![1]!;
    const into = join(folder, 'saved');
    send(bob, `/save ${number} ${into}`);
    await bob.shows('saved ');
    expect(readFileSync(join(into, 'notes.txt'), 'utf8')).toBe('what is in the file');
    send(bob, '/file /no/such/file');
    await bob.shows('cannot be read');
  });

  it('shows what others wrote without obeying it', async () => {
    await bobHome.json('send', '@ann', HOSTILE);
    await ann.shows(String.raw`evil \u{202e}gnp.exe`);
    await ann.shows(String.raw`\u{1b}[2J\u{1b}[H\u{1b}]0;owned`);
    await ann.shows('end');
    expect(ann.output).not.toContain('\u001B]0;owned');
    expect(ann.output).not.toContain('\u202E');
    expect(ann.output).not.toContain('\u009B');
    expect(ann.text).toContain('Conversations');
  });

  it('tells an open room from an encrypted one, whatever it is called', async () => {
    send(ann, '/new-open end-to-end encrypted');
    await ann.shows('OPEN ROOM, NOT ENCRYPTED', WAIT_MS);
    await ann.shows('open end-to-end en');
    await ann.shows('open› ');
    send(ann, '/open @bob');
    await ann.hides('OPEN ROOM');
    send(bob, '/rooms end');
    await bob.shows('Open rooms: not encrypted');
    await bob.shows('open end-to-end encrypted  1 member');
    bob.type(KEYS.enter);
    await bob.shows('OPEN ROOM, NOT ENCRYPTED', WAIT_MS);
    send(bob, '/open @ann');
    await bob.shows('write to @ann');
    expect(bob.text).not.toContain('OPEN ROOM');
  });

  it('fits into any window, and back', async () => {
    for (const [columns, rows] of [
      [40, 12],
      [20, 5],
      [9, 2],
      [1, 1],
      [132, 50],
      [80, 24],
    ] as const) {
      await ann.resize(columns, rows);
      const isDrawn = (): boolean => columns < 20 || rows < 5 || ann.text.includes('@bob');
      await until(`${columns}×${rows} to be drawn`, isDrawn);
    }
    await ann.shows('Conversations');
    await ann.shows('write to @bob');
    ann.type(KEYS.f1);
    await ann.shows('Keys and commands');
    await ann.shows('Ctrl K');
    ann.type(KEYS.escape);
    await ann.hides('Keys and commands');
    expect(ann.child.exitCode).toBeNull();
  });

  it('shares its home with verbs that run beside it', async () => {
    const sent = await Promise.all(Array.from({ length: 4 }, (_, i) => annHome.json('send', '@bob', `beside ${i}`)));
    expect(sent.flat().map(({ state }) => state)).toEqual(['sent', 'sent', 'sent', 'sent']);
    for (let i = 0; i < 4; i++) await bob.shows(`beside ${i}`);
    for (let i = 0; i < 4; i++) await ann.shows(`beside ${i}`);
    send(ann, 'and the app itself');
    await bob.shows('and the app itself');
  });

  it('goes on through another node when the leader, which it is on, dies while somebody types', async () => {
    const { leader } = await clusterStatus(cluster.layout);
    ann.type('still ');
    await cluster.supervisor.killNode(leader!, { withSidecar: true });
    ann.type('here');
    ann.type(KEYS.enter);
    await bob.shows('still here', WAIT_MS);
    send(bob, 'so am I');
    await ann.shows('so am I', WAIT_MS);
    await ann.shows(/still here ✓/, WAIT_MS);
    expect(ann.text.split('still here')).toHaveLength(2);
    expect(bob.text.split('still here')).toHaveLength(2);
    const read = await bobHome.json<{ text: string | null }>('read', '@ann');
    expect(read.filter(({ text }) => text === 'still here')).toHaveLength(1);
  });

  it('comes back where the system does not suspend it, because no shell could continue it', async () => {
    ann.type(KEYS.ctrlZ);
    await until('the terminal to be given back', () => ann.output.includes('\u001B[?1049l'));
    await until('the app to be back', () => ann.isAlternate && ann.text.includes('write to @bob'));
    ann.type('typed on');
    await ann.shows('› typed on');
    ann.type('\u0015');
    await ann.shows('write to @bob');
    expect(ann.child.exitCode).toBeNull();
  });

  it('goes to the shell on Ctrl Z, and comes back with fg', async () => {
    const place = join(folder, 'shell');
    mkdirSync(place);
    const env = { PS1: 'shell> ' };
    const shell = new PseudoTerminal(['bash', '--norc', '--noprofile', '-i'], {
      folder: place,
      columns: 80,
      rows: 24,
      env,
    });
    opened.push(shell);
    await shell.shows('shell>');
    send(shell, `${process.execPath} ${PARLEY} --home ${join(folder, 'bob')}`);
    await shell.shows('● 127', WAIT_MS);
    shell.type(KEYS.ctrlZ);
    await shell.shows('Stopped');
    expect(shell.isAlternate).toBe(false);
    send(shell, 'fg');
    await shell.shows('● 127', WAIT_MS);
    await until('the app to have the terminal again', () => shell.isAlternate);
    shell.type(KEYS.ctrlC);
    await shell.shows('shell>');
    expect(shell.isAlternate).toBe(false);
  });

  it('keeps a draft, and gives the terminal back when it is left', async () => {
    ann.type('not finished');
    await ann.shows('› not finished');
    ann.type(KEYS.ctrlC);
    expect(await ann.ended).toBe(0);
    expect(ann.isAlternate).toBe(false);
    expect(ann.output.slice(-80)).toContain('\u001B[?2004l');
    const again = open('ann', { columns: 80, rows: 24 }, { NO_COLOR: '1' });
    await again.shows('› not finished', WAIT_MS);
    // Attributes, but no colours.
    // oxlint-disable-next-line no-control-regex -- It is what this is about.
    expect(again.output).not.toMatch(/\u001B\[(\d+;)*(3[0-7]|4[0-7])m/);
    again.type('\u0015');
    again.type(KEYS.ctrlC);
    expect(await again.ended).toBe(0);
  });

  it('asks who is not signed in, and lets them in', async () => {
    const place = join(folder, 'cay-asked');
    mkdirSync(place);
    const command = [process.execPath, PARLEY, '--home', join(folder, 'cay'), '--endpoint', endpoints];
    const cay = new PseudoTerminal(command, { folder: place, columns: 80, rows: 24 });
    opened.push(cay);
    await cay.shows('2 logs in', WAIT_MS);
    send(cay, '1');
    await cay.shows('Name:');
    send(cay, 'cay');
    await cay.shows('Invitation');
    send(cay, '');
    await cay.shows('New password');
    send(cay, '');
    await cay.shows('You are cay now', WAIT_MS);
    await cay.shows('Enter opens the app');
    send(cay, '');
    await cay.shows('No conversations yet', WAIT_MS);
    expect(cay.isAlternate).toBe(true);
    cay.type(KEYS.ctrlC);
    expect(await cay.ended).toBe(0);
    expect(cay.text).toContain('You are cay now');
  });

  it('gives the terminal back before it says what went wrong in it', async () => {
    const planted = 'process.on("SIGUSR2",()=>{throw new Error("planted")})';
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(planted)}` };
    const terminal = open('ann', { columns: 80, rows: 24 }, env);
    await terminal.shows('● 127', WAIT_MS);
    process.kill(terminal.pid, 'SIGUSR2');
    expect(await terminal.ended).toBe(1);
    expect(terminal.isAlternate).toBe(false);
    expect(terminal.text).toContain('parley: Error: planted');
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('gives the terminal back on %s', async (signal, code) => {
    const terminal = open('ann');
    await terminal.shows('● 127', WAIT_MS);
    expect(terminal.isAlternate).toBe(true);
    process.kill(terminal.pid, signal);
    expect(await terminal.ended).toBe(code);
    expect(terminal.isAlternate).toBe(false);
  });
});

describe('parley without a verb', () => {
  it('shows its help where there is no terminal', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-terminal-'));
    try {
      const { code, stdout, stderr } = await new ParleyHome(folder).run();
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain('Usage: parley [options] [command]');
      const wrong = await new ParleyHome(folder).run('nonsense');
      expect(wrong.code).toBe(2);
      expect(wrong.stderr).toContain("unknown command 'nonsense'");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
