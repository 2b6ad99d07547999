import { safeHref } from './links.ts';
import type { Inline } from './syntax.ts';

/** Marks within marks; deeper ones are text. */
const DEPTH_MAX = 6;

interface Found {
  readonly node: Inline;
  /** Where what follows begins. */
  readonly end: number;
}

type Rule = (text: string, at: number, depth: number) => Found | null;

/** Letters by which something may begin; all others are text, and are passed over quickly. */
const BEGINS = /[`*_~[@\nhm\\]/g;

export function parseInline(text: string, depth = 0): readonly Inline[] {
  const nodes: Inline[] = [];
  let plain = '';
  let at = 0;
  const flush = (): void => {
    if (plain !== '') nodes.push({ is: 'text', text: plain });
    plain = '';
  };
  while (at < text.length) {
    BEGINS.lastIndex = at;
    const next = BEGINS.exec(text)?.index ?? text.length;
    plain += text.slice(at, next);
    at = next;
    if (at === text.length) break;
    const found = depth < DEPTH_MAX ? ruleAt(text, at, depth) : null;
    if (found === null) {
      plain += text[at]!;
      at += 1;
    } else {
      flush();
      nodes.push(found.node);
      at = found.end;
    }
  }
  flush();
  return nodes;
}

function ruleAt(text: string, at: number, depth: number): Found | null {
  return RULES[text[at]!]?.(text, at, depth) ?? null;
}

const RULES: Readonly<Record<string, Rule>> = {
  '\n': (_text, at) => ({ node: { is: 'break' }, end: at + 1 }),
  '\\': (text, at) => {
    const next = text[at + 1];
    return next !== undefined && /[`*_~[\]@\\]/.test(next) ? { node: { is: 'text', text: next }, end: at + 2 } : null;
  },
  '`': code,
  '*': (text, at, depth) =>
    paired(text, at, { mark: '**', is: 'strong' }, depth) ??
    (text[at + 1] === '*' ? null : paired(text, at, { mark: '*', is: 'emphasis' }, depth)),
  _: (text, at, depth) => (isWordEnd(text, at) ? paired(text, at, { mark: '_', is: 'emphasis' }, depth) : null),
  '~': (text, at, depth) => paired(text, at, { mark: '~~', is: 'strike' }, depth),
  '[': link,
  '@': mention,
  h: bareLink,
  m: bareLink,
};

function code(text: string, at: number): Found | null {
  const fence = /^`+/.exec(text.slice(at, at + 8))![0];
  const end = text.indexOf(fence, at + fence.length);
  if (end <= at + fence.length) return null;
  return { node: { is: 'code', text: text.slice(at + fence.length, end) }, end: end + fence.length };
}

/** A mark opens before what is no space, and closes behind what is none. */
function paired(
  text: string,
  at: number,
  { mark, is }: { readonly mark: string; readonly is: 'strong' | 'emphasis' | 'strike' },
  depth: number,
): Found | null {
  const from = at + mark.length;
  if (!text.startsWith(mark, at) || isSpace(text[from])) return null;
  for (let end = text.indexOf(mark, from + 1); end !== -1; end = text.indexOf(mark, end + 1)) {
    const closes = !isSpace(text[end - 1]) && (mark !== '_' || isWordEnd(text, end + 1)) && !isLonger(text, end, mark);
    if (closes) return { node: { is, of: parseInline(text.slice(from, end), depth + 1) }, end: end + mark.length };
  }
  return null;
}

/** `*` does not close at the first star of `**`. */
function isLonger(text: string, at: number, mark: string): boolean {
  return mark === '*' && text[at + 1] === '*';
}

function link(text: string, at: number, depth: number): Found | null {
  const match = /^\[([^\]\n]{1,500})\]\(([^)\s]{1,2000})\)/.exec(text.slice(at, at + 2_600));
  const href = match === null ? null : safeHref(match[2]!);
  if (match === null || href === null) return null;
  return { node: { is: 'link', href, of: linkText(match[1]!, depth) }, end: at + match[0].length };
}

/** Links do not stand within links. */
function linkText(text: string, depth: number): readonly Inline[] {
  return parseInline(text, depth + 1).flatMap((node) => (node.is === 'link' ? node.of : [node]));
}

function bareLink(text: string, at: number): Found | null {
  if (!isWordEnd(text, at)) return null;
  const match = /^(?:https?:\/\/|mailto:)[^\s<>"]{1,2000}/i.exec(text.slice(at, at + 2_100));
  if (match === null) return null;
  // What ends a sentence does not belong to the address in it.
  const address = withoutTail(match[0]);
  const href = safeHref(address);
  if (href === null) return null;
  return { node: { is: 'link', href, of: [{ is: 'text', text: address }] }, end: at + address.length };
}

function withoutTail(address: string): string {
  let end = address.length;
  while (end > 0 && /[.,;:!?'*_~]/.test(address[end - 1]!)) end -= 1;
  const cut = address.slice(0, end);
  return cut.endsWith(')') && !cut.includes('(') ? cut.slice(0, -1) : cut;
}

function mention(text: string, at: number): Found | null {
  if (!isWordEnd(text, at)) return null;
  const match = /^@([a-z0-9._-]{1,31}[a-z0-9_])/i.exec(text.slice(at, at + 40));
  if (match === null) return null;
  return { node: { is: 'mention', name: match[1]!.toLowerCase() }, end: at + match[0].length };
}

const isSpace = (letter: string | undefined): boolean => letter === undefined || /\s/.test(letter);
/** Nothing of a word stands just before this place; or it is where a word has ended. */
function isWordEnd(text: string, at: number): boolean {
  const letter = text[at - 1];
  const next = text[at];
  return (
    letter === undefined || !/[\p{L}\p{N}_/]/u.test(letter) || next === undefined || !/[\p{L}\p{N}_@hm]/u.test(next)
  );
}
