import { describe, expect, it } from 'vitest';
import { allOf, childrenOf, idsOf, parseXml, XmlProblem } from './saml-xml.ts';

describe('XML', () => {
  it('is read with its namespaces, attributes and text', () => {
    const root = parseXml(
      '<?xml version="1.0" encoding="UTF-8"?>\n<a xmlns="urn:a" xmlns:b="urn:b" x="1" b:x=\'2\'>one<b:c ID="i">&lt;&#x41;&#66;&amp;</b:c>two<c xmlns=""/></a>\n',
    );
    expect(root).toMatchObject({ namespace: 'urn:a', name: 'a', text: 'onetwo' });
    expect([...root.attributes]).toEqual([
      ['x', '1'],
      ['{urn:b}x', '2'],
    ]);
    expect(childrenOf(root, 'urn:b', 'c')[0]?.text).toBe('<AB&');
    expect(childrenOf(root, '', 'c')).toHaveLength(1);
    expect([...allOf(root)].map(({ name }) => name)).toEqual(['a', 'c', 'c']);
    expect(idsOf(root)).toEqual(['i']);
  });

  it('may have comments where they are asked for, and then they split no text', () => {
    expect(parseXml('<!-- x --><a>b<!-- <c> -->d</a>', { mayHaveComments: true }).text).toBe('bd');
    expect(() => parseXml('<a><!-- x --></a>')).toThrow(XmlProblem);
    expect(() => parseXml('<a><!-- x </a>', { mayHaveComments: true })).toThrow(XmlProblem);
  });

  it.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['text after the end', '<a/>b'],
    ['two documents', '<a/><b/>'],
    ['no end', '<a><b></b>'],
    ['another end', '<a></b>'],
    ['another prefix at the end', '<x:a xmlns:x="u" xmlns:y="u"></y:a>'],
    ['a prefix that means nothing', '<x:a/>'],
    ['a prefix of an attribute that means nothing', '<a x:b="1"/>'],
    ['the same attribute twice', '<a b="1" b="2"/>'],
    ['the same attribute by two prefixes', '<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="2"/>'],
    ['a prefix that is taken away', '<a xmlns:x=""/>'],
    ['xml under another name', '<a xmlns:xml="u"/>'],
    ['a document type', '<!DOCTYPE a><a/>'],
    ['an entity', '<a>&b;</a>'],
    ['an ampersand', '<a>b & c</a>'],
    ['a character that is none', '<a>&#0;</a>'],
    ['half a character', '<a>&#xD800;</a>'],
    ['a null', '<a>\0</a>'],
    ['CDATA', '<a><![CDATA[b]]></a>'],
    ['a processing instruction', '<a><?b?></a>'],
    ['a declaration in the middle', '<a><?xml version="1.0"?></a>'],
    ['another version', '<?xml version="1.1"?><a/>'],
    ['another encoding', '<?xml version="1.0" encoding="utf-16"?><a/>'],
    ['an attribute without quotes', '<a b=c/>'],
    ['a tag in an attribute', '<a b="<c>"/>'],
    ['no blank between attributes', '<a b="1"c="2"/>'],
    ['a blank before the name', '< a/>'],
  ])('with %s is refused', (_name, text) => {
    expect(() => parseXml(text)).toThrow(XmlProblem);
  });

  it('has a depth, and a number of elements', () => {
    expect(() => parseXml(`${'<a>'.repeat(51)}${'</a>'.repeat(51)}`)).toThrow('nested deeper');
    expect(() => parseXml(`<a>${'<b/>'.repeat(10)}</a>`, { maxElements: 10 })).toThrow('more than 10 elements');
  });
});
