/** What the API finds a template by, whatever namespaces there are: `shop`, or `web/shop`. */
export function templatePath(template: { name: string; namespace: { name: string; isDefault: boolean } }): string {
  const { name, namespace } = template;
  return namespace.isDefault ? name : `${namespace.name}/${name}`;
}
