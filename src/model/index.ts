export { ACTIONS, type Action } from "./action.ts";
export { ACTIVE_STANDS, ALARM_SEVERITIES, type Alarm, type AlarmSeverity, type AlarmStatus, alarm, alarmRank } from "./alarm.ts";
export { type AlarmChannel, alarmChannel } from "./alarm-channel.ts";
export { type AlarmRule, alarmRule } from "./alarm-rule.ts";
export { CHANGED_BY_ANNOTATION } from "./annotations.ts";
export { type Approval, approval } from "./approval.ts";
export { callKeeping } from "./call-keeping.ts";
export { type Condition, type ConditionInput, conditions, setCondition, time, timestamp } from "./conditions.ts";
export { type Dashboard, dashboard, PLOT_UNITS } from "./dashboard.ts";
export { duration, durationMs, formatDuration, someDuration } from "./duration.ts";
export { type Event, type GivenEvent, givenEvent } from "./event.ts";
export { type Gateway, gateway } from "./gateway.ts";
export { DEFAULT_LIMITS, type GatewayLimitsSpec } from "./gateway-policy.ts";
export { type Generation, generation, generationName } from "./generation.ts";
export type { Health, HealthCheck } from "./health.ts";
export { type Host, host } from "./host.ts";
export {
  type Duty,
  INSTANCE_FINALIZER,
  type Instance,
  instance,
  isCallable,
  isLeaving,
  isProven,
  isRestarted,
  TRAFFIC_FINALIZER,
  tellRetry,
  withoutRetry,
} from "./instance.ts";
export { type Job, job } from "./job.ts";
export { isOver, type JobRun, type JobRunPhase, jobRun } from "./job-run.ts";
export { compileJsonPath, type JsonPath } from "./json-path.ts";
export { type Column, defineKind, type Kind } from "./kind.ts";
export { findKind } from "./kinds.ts";
export { lease } from "./lease.ts";
export { type LogForwarding, logForwarding } from "./log-forwarding.ts";
export type { LogLevelHook } from "./log-level.ts";
export { type LogKeeping, sizeBytes } from "./logs.ts";
export { type Maintenance, maintenance } from "./maintenance.ts";
export { type CheckedManifest, checkManifest } from "./manifest.ts";
export {
  API_GROUP,
  API_VERSION,
  isFinalizer,
  isLabelKey,
  isLabelValue,
  type ManagedFieldsEntry,
  type ObjectMeta,
  type OwnerReference,
  objectMeta,
  type StoredObject,
} from "./metadata.ts";
export { type Microservice, microservice } from "./microservice.ts";
export { DEFAULT_NAMESPACE } from "./names.ts";
export { withoutNulls } from "./nulls.ts";
export { type OpenApiSchema, objectSchema } from "./open-api.ts";
export { type Outline, outlineOf } from "./outline.ts";
export { type Probe, probe } from "./probe.ts";
export { encodePath, endOfSegments, type PathFault, readPath, readWrittenPath } from "./request-path.ts";
export { type Resource, resource } from "./resource.ts";
export { type Revision, revision } from "./revision.ts";
export { groupName, type Role, role } from "./role.ts";
export { type Filter, type Route, route } from "./route.ts";
export { findShadows, matchKey } from "./route-match.ts";
export {
  type BusyCheck,
  type FileMapping,
  mountPath,
  REDACTED,
  renderedPaths,
  type Script,
  type ServicePort,
  STREAMS_END_AFTER,
  type Template,
  template,
  type VolumeMount,
} from "./run.ts";
export { scale } from "./scale.ts";
export { Schedule } from "./schedule.ts";
export { SECRET_KINDS } from "./secret-kinds.ts";
export { labelSelector } from "./selector-text.ts";
export { type ServiceDomain, serviceDomain } from "./service-domain.ts";
export { formatShare, SITE_NAME, type Site, type StampPlan, site } from "./site.ts";
export { LOGIN_DEFAULTS } from "./site-login.ts";
export { findOversize, OBJECT_DEPTH_MAX, sizeOf } from "./size.ts";
export { SNMP_THRESHOLDS, type SnmpAgent, type SnmpSettings, snmpAgent } from "./snmp-agent.ts";
export { SNMP_RECEIVER, type SnmpReceiver, snmpReceiver } from "./snmp-receiver.ts";
export { SNMP_AUTH_PROTOCOLS, type SnmpUser, snmpUser } from "./snmp-user.ts";
export { type StrategyName, unfitStrategy } from "./strategy.ts";
export { RAMP_KEY, REMOVED, type Update, update } from "./update.ts";
export { MACHINE_NAMES, type User, user } from "./user.ts";
export { describeIssues, findNearest, formatField, unwrap, type Violation } from "./violation.ts";
export { VOLUME_FINALIZER, VOLUME_HAD_ANNOTATION, type Volume, volume, volumeName } from "./volume.ts";
