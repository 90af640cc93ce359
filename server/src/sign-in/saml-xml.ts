/**
 * A strict reader of the XML that strangers send us: elements, attributes and text, with their namespaces, and nothing else.
 *
 * What SAML has no use for and attacks are made of is refused, not skipped: document types and entities, processing
 * instructions, CDATA, comments (unless asked for), other encodings, deep nesting. So no two parsers can read the text
 * differently, and none can be made to work for long on it.
 * Source: Extensible Markup Language 1.0 §2, Namespaces in XML 1.0.
 */

export interface XmlElement {
  /** The namespace's name; '' for none. */
  namespace: string;
  name: string;
  /** By local name for those without a prefix, by `{namespace}name` for the others. */
  attributes: ReadonlyMap<string, string>;
  children: readonly XmlElement[];
  /** The text directly inside. */
  text: string;
}

/** What is wrong with the text, for a log. */
export class XmlProblem extends Error {}

/** SAML nests about ten deep; keys of federations somewhat deeper. */
const MAX_DEPTH = 50;
/** They are copied wherever some are added. */
const MAX_PREFIXES = 60;

const NAME = '[A-Za-z_][A-Za-z0-9._-]*';
const QNAME = `(?:(${NAME}):)?(${NAME})`;
const DECLARATION =
  /^\uFEFF?(?:<\?xml\s+version\s*=\s*["']1\.0["'](?:\s+encoding\s*=\s*["']utf-8["'])?(?:\s+standalone\s*=\s*["'](?:yes|no)["'])?\s*\?>)?/i;
const OPEN = new RegExp(`<${QNAME}`, 'y');
const ATTRIBUTE = new RegExp(`\\s+${QNAME}\\s*=\\s*(?:"([^"<]*)"|'([^'<]*)')`, 'y');
const OPEN_END = /\s*(\/?)>/y;
const CLOSE = new RegExp(`</${QNAME}\\s*>`, 'y');
const TEXT = /[^<]+/y;
const REFERENCES = /&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(amp|lt|gt|quot|apos));|&/g;
const PREDEFINED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const XMLNS = 'http://www.w3.org/2000/xmlns/';
const XML = 'http://www.w3.org/XML/1998/namespace';
// What XML 1.0 allows: no control characters but tab and newlines, no lone surrogates.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that are refused.
const FORBIDDEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|\p{Cs}/u;

interface Open extends XmlElement {
  children: XmlElement[];
  prefix: string | undefined;
  scope: ReadonlyMap<string, string>;
}

/** Throws XmlProblem. */
export function parseXml(text: string, options: { mayHaveComments?: boolean; maxElements?: number } = {}): XmlElement {
  const { mayHaveComments = false, maxElements = 20_000 } = options;
  if (FORBIDDEN.test(text)) throw new XmlProblem('a character that XML does not allow');
  const source = text.replace(DECLARATION, '').replace(/\r\n?/g, '\n');
  const stack: Open[] = [];
  let root: Open | null = null;
  let at = 0;
  let elements = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found) at = pattern.lastIndex;
    return found;
  };
  while (at < source.length) {
    const parent = stack.at(-1);
    const words = match(TEXT);
    if (words) {
      if (parent) parent.text += unescaped(words[0]);
      else if (words[0].trim() !== '') throw new XmlProblem('text outside of the document');
      continue;
    }
    if (mayHaveComments && source.startsWith('<!--', at)) {
      const end = source.indexOf('-->', at);
      if (end === -1) throw new XmlProblem('a comment without an end');
      at = end + 3;
      continue;
    }
    const closing = match(CLOSE);
    if (closing) {
      if (!parent || closing[1] !== parent.prefix || closing[2] !== parent.name)
        throw new XmlProblem(`an end of ${closing[2]} that nothing has begun`);
      stack.pop();
      continue;
    }
    const opening = match(OPEN);
    if (!opening) throw new XmlProblem(`not expected: ${JSON.stringify(source.slice(at, at + 9))}`);
    if (++elements > maxElements) throw new XmlProblem(`more than ${maxElements} elements`);
    const given: Attribute[] = [];
    for (let one = match(ATTRIBUTE); one; one = match(ATTRIBUTE)) {
      // Newlines and tabs in a value are blanks (XML 1.0 §3.3.3).
      const value = unescaped((one[3] ?? one[4] ?? '').replace(/[\t\n]/g, ' '));
      given.push({ prefix: one[1], name: one[2] ?? '', value });
    }
    const end = match(OPEN_END);
    if (!end) throw new XmlProblem(`the tag of ${opening[2]} is broken`);
    const element = elementOf(opening, given, parent);
    if (parent) parent.children.push(element);
    else if (root) throw new XmlProblem('more than one document');
    else root = element;
    if (!end[1]) stack.push(element);
    if (stack.length > MAX_DEPTH) throw new XmlProblem(`nested deeper than ${MAX_DEPTH}`);
  }
  if (!root) throw new XmlProblem('no document');
  if (stack.length > 0) throw new XmlProblem(`${stack.at(-1)?.name} has no end`);
  return root;
}

interface Attribute {
  prefix: string | undefined;
  name: string;
  value: string;
}

function elementOf([, prefix, name = '']: RegExpExecArray, given: Attribute[], parent: Open | undefined): Open {
  const scope = scopeOf(given, parent?.scope ?? new Map([['xml', XML]]));
  const namespaceOf = (of: string) => {
    const found = scope.get(of);
    if (found === undefined) throw new XmlProblem(`the prefix ${of} means nothing`);
    return found;
  };
  const attributes = new Map<string, string>();
  const seen = new Set<string>();
  for (const one of given) {
    const written = `${one.prefix ?? ''}:${one.name}`;
    const isDeclaration = one.prefix === 'xmlns' || written === ':xmlns';
    const key = one.prefix === undefined ? one.name : isDeclaration ? '' : `{${namespaceOf(one.prefix)}}${one.name}`;
    if (seen.has(written) || (!isDeclaration && attributes.has(key)))
      throw new XmlProblem(`the attribute ${one.name} stands there twice`);
    seen.add(written);
    if (!isDeclaration) attributes.set(key, one.value);
  }
  const namespace = prefix === undefined ? (scope.get('') ?? '') : namespaceOf(prefix);
  return { namespace, name, attributes, children: [], text: '', prefix, scope };
}

/** The prefixes that mean something in an element. */
function scopeOf(given: Attribute[], outer: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const own = new Map<string, string>();
  for (const { prefix, name, value } of given) {
    if (prefix === 'xmlns') {
      if (value === '' || value === XMLNS || name === 'xml' || name === 'xmlns')
        throw new XmlProblem(`the prefix ${name} may not mean that`);
      own.set(name, value);
    } else if (prefix === undefined && name === 'xmlns') own.set('', value);
  }
  if (own.size === 0) return outer;
  const scope = new Map([...outer, ...own]);
  if (scope.size > MAX_PREFIXES) throw new XmlProblem(`more than ${MAX_PREFIXES} prefixes`);
  return scope;
}

function unescaped(text: string): string {
  return text.replace(REFERENCES, (written, hex, decimal, word) => {
    if (word !== undefined) return PREDEFINED[word] ?? '';
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    const character = code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '\u0000';
    if (written === '&' || FORBIDDEN.test(character)) throw new XmlProblem(`a reference that is not known: ${written}`);
    return character;
  });
}

/** The children of this name, in order. */
export function childrenOf(element: XmlElement, namespace: string, name: string): XmlElement[] {
  return element.children.filter((child) => child.namespace === namespace && child.name === name);
}

/** The element itself and everything below it. */
export function* allOf(element: XmlElement): Generator<XmlElement> {
  yield element;
  for (const child of element.children) yield* allOf(child);
}

/** The local names of attributes that make an element one that a signature can name. */
const ID_NAMES = ['ID', 'Id', 'id'];

/** Every id of the document, as often as it stands there. */
export function idsOf(root: XmlElement): string[] {
  return [...allOf(root)].flatMap(({ attributes }) =>
    [...attributes].filter(([key]) => ID_NAMES.includes(key.replace(/^\{.*\}/, ''))).map(([, value]) => value),
  );
}
