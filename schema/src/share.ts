/** What may be shared of an environment. Each lets its holder do what those before it do; `ssh` reaches every port as well. */
export const SHARE_ACCESS = ['view', 'ports', 'ssh'] as const;
export type ShareAccess = (typeof SHARE_ACCESS)[number];
