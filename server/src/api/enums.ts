/** Enums of the API: the words of `schema`, the same in the database, the API, the command and the UI. */
import { failureClasses } from '@easel/schema/failure';
import { CONNECTIVITIES, DESIRED_STATES, ENVIRONMENT_PHASES } from '@easel/schema/states/environment';
import { STEP_NAMES, STEP_STATES } from '@easel/schema/states/step';
import { LOG_STREAMS } from '@easel/schema/wire/worker';
import { builder } from './builder.ts';

export const PhaseEnum = builder.enumType('EnvironmentPhase', { values: ENVIRONMENT_PHASES });
export const DesiredStateEnum = builder.enumType('DesiredState', { values: DESIRED_STATES });
export const ConnectivityEnum = builder.enumType('Connectivity', { values: CONNECTIVITIES });
export const StepNameEnum = builder.enumType('StepName', { values: STEP_NAMES });
export const StepStateEnum = builder.enumType('StepState', { values: STEP_STATES });
export const FailureClassEnum = builder.enumType('FailureClass', { values: failureClasses });
export const RuntimeEnum = builder.enumType('Runtime', { values: ['docker', 'process'] as const });
export const LogStreamEnum = builder.enumType('LogStream', { values: LOG_STREAMS });
