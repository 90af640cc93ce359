/** The API's schema: every domain adds its part when it is imported. */
import '../access/access.graphql.ts';
import '../audit/audit.graphql.ts';
import '../environment/environment-log.graphql.ts';
import '../environment/environment.graphql.ts';
import '../environment/environment.subscriptions.ts';
import '../explain/explain.graphql.ts';
import '../group/group.graphql.ts';
import '../instance-type/instance-type.graphql.ts';
import '../mail/mail.graphql.ts';
import '../notification/notification.graphql.ts';
import '../namespace/namespace.graphql.ts';
import '../platform/platform.graphql.ts';
import '../second-factor/second-factor.graphql.ts';
import '../share/share.graphql.ts';
import '../role/role.graphql.ts';
import '../snapshot/snapshot.graphql.ts';
import '../template/template.graphql.ts';
import '../user/api-token.graphql.ts';
import '../user/session.graphql.ts';
import '../user/ssh-key.graphql.ts';
import '../sign-in/sign-in-module.graphql.ts';
import '../user/email.graphql.ts';
import '../user/invitation.graphql.ts';
import '../user/user.graphql.ts';
import '../user/user-admin.graphql.ts';
import { builder } from './builder.ts';

export const schema = builder.toSchema();
