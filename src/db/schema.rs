//! The tables of both engines. A test compares this file and the schemas of the engines with each other.

diesel::table! {
    organizations (id) {
        id -> BigInt,
        parent_id -> Nullable<BigInt>,
        path -> Text,
        kind -> Text,
        level -> Text,
        system -> Text,
        sector -> Text,
        stage -> Nullable<Text>,
        township -> Bool,
        school_code -> Nullable<Text>,
        purpose -> Text,
        division_code -> Nullable<Text>,
        province_id -> Nullable<BigInt>,
        leading_organ_id -> Nullable<BigInt>,
        school_id -> Nullable<BigInt>,
        name -> Text,
        short_name -> Text,
        contact_name -> Nullable<Text>,
        contact_phone -> Nullable<Text>,
        status -> Text,
        graduation_month -> Nullable<Integer>,
        graduation_undetermined -> Nullable<Text>,
        graduated_season -> Nullable<Integer>,
        version -> Integer,
        created_at -> BigInt,
        closed_at -> Nullable<BigInt>,
        name_key -> Text,
    }
}

diesel::table! {
    organization_names (id) {
        id -> BigInt,
        organization_id -> BigInt,
        kind -> Text,
        name -> Text,
        recorded_at -> BigInt,
    }
}

diesel::table! {
    organization_terms (scope_id, term, organization_id) {
        scope_id -> BigInt,
        term -> Text,
        organization_id -> BigInt,
        kind -> Text,
    }
}

diesel::table! {
    members (id) {
        id -> BigInt,
        branch_id -> Nullable<BigInt>,
        branch_path -> Text,
        name -> Text,
        id_number_sealed -> Binary,
        id_number_digest -> Binary,
        phone_sealed -> Nullable<Binary>,
        phone_digest -> Nullable<Binary>,
        ethnic_group -> Nullable<Text>,
        political_status -> Nullable<Text>,
        education -> Nullable<Text>,
        joined_month -> Integer,
        development_number -> Nullable<Text>,
        standing -> Text,
        real_name_check -> Text,
        certification -> Text,
        mark -> Nullable<Text>,
        mark_month -> Nullable<Integer>,
        mark_reason -> Nullable<Text>,
        version -> Integer,
        created_at -> BigInt,
    }
}

diesel::table! {
    member_changes (id) {
        id -> BigInt,
        member_id -> BigInt,
        at -> BigInt,
        account_id -> Nullable<BigInt>,
        organization_id -> Nullable<BigInt>,
        field -> Text,
        old_value -> Nullable<Text>,
        old_sealed -> Nullable<Binary>,
    }
}

diesel::table! {
    accounts (id) {
        id -> BigInt,
        kind -> Text,
        member_id -> Nullable<BigInt>,
        name -> Text,
        id_number_sealed -> Nullable<Binary>,
        id_number_digest -> Nullable<Binary>,
        password_hash -> Nullable<Text>,
        must_change_password -> Bool,
        status -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    integrators (account_id) {
        account_id -> BigInt,
        organization_id -> BigInt,
        province -> Nullable<Integer>,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        scopes -> Text,
        reach -> Text,
    }
}

diesel::table! {
    integrator_secrets (id) {
        id -> BigInt,
        account_id -> BigInt,
        secret_digest -> Binary,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        retired_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    appointments (id) {
        id -> BigInt,
        account_id -> BigInt,
        organization_id -> BigInt,
        started_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        appointed_by -> Nullable<BigInt>,
        role -> Text,
    }
}

diesel::table! {
    appointment_requests (id) {
        id -> BigInt,
        organization_id -> BigInt,
        kind -> Text,
        account_id -> Nullable<BigInt>,
        proposer_account_id -> BigInt,
        proposed_at -> BigInt,
        state -> Text,
        decider_account_id -> Nullable<BigInt>,
        decider_organization_id -> Nullable<BigInt>,
        decided_at -> Nullable<BigInt>,
        decision_reason -> Nullable<Text>,
        version -> Integer,
        role -> Text,
        answered_at -> Nullable<BigInt>,
        person_name -> Nullable<Text>,
        id_number_sealed -> Nullable<Binary>,
        id_number_digest -> Nullable<Binary>,
    }
}

diesel::table! {
    reset_codes (id) {
        id -> BigInt,
        account_id -> BigInt,
        code_digest -> Binary,
        issued_at -> BigInt,
        issued_by -> Nullable<BigInt>,
        used_at -> Nullable<BigInt>,
        organization_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    reset_code_requests (account_id) {
        account_id -> BigInt,
        requester_account_id -> BigInt,
        organization_id -> BigInt,
        requested_at -> BigInt,
    }
}

diesel::table! {
    account_blocks (id) {
        id -> BigInt,
        account_id -> BigInt,
        blocked_at -> BigInt,
        blocked_by -> Nullable<BigInt>,
        organization_id -> Nullable<BigInt>,
        reason -> Text,
        unblocked_at -> Nullable<BigInt>,
        unblocked_by -> Nullable<BigInt>,
    }
}

diesel::table! {
    sessions (id) {
        id -> BigInt,
        account_id -> BigInt,
        appointment_id -> Nullable<BigInt>,
        address_digest -> Binary,
        family_digest -> Binary,
        refresh_digest -> Binary,
        created_at -> BigInt,
        last_used_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        ending -> Nullable<Text>,
        replaced_digest -> Nullable<Binary>,
        replaced_address_digest -> Nullable<Binary>,
    }
}

diesel::table! {
    attempts (subject) {
        subject -> Binary,
        failures -> BigInt,
        last_at -> BigInt,
    }
}

diesel::table! {
    wechat_bindings (account_id) {
        account_id -> BigInt,
        openid_digest -> Binary,
        bound_at -> BigInt,
    }
}

diesel::table! {
    certifications (id) {
        id -> BigInt,
        member_id -> BigInt,
        file -> Text,
        bytes -> BigInt,
        sha256 -> Binary,
        uploader_account_id -> BigInt,
        uploader_organization_id -> BigInt,
        uploaded_at -> BigInt,
        state -> Text,
        decider_account_id -> Nullable<BigInt>,
        decider_organization_id -> Nullable<BigInt>,
        decided_at -> Nullable<BigInt>,
        decision_reason -> Nullable<Text>,
        version -> Integer,
    }
}

diesel::table! {
    transfers (id) {
        id -> BigInt,
        season -> Integer,
        reason -> Text,
        details -> Text,
        explanation -> Nullable<Text>,
        started_by -> Text,
        proposer_account_id -> Nullable<BigInt>,
        proposer_organization_id -> Nullable<BigInt>,
        member_id -> Nullable<BigInt>,
        member_name -> Text,
        source_branch_id -> Nullable<BigInt>,
        source_path -> Text,
        source_name -> Text,
        source_province -> Nullable<Integer>,
        target_kind -> Text,
        target_id -> BigInt,
        target_path -> Text,
        target_name -> Text,
        target_province -> Nullable<Integer>,
        state -> Text,
        since -> BigInt,
        organization_id -> Nullable<BigInt>,
        side -> Nullable<Text>,
        province -> Nullable<Integer>,
        holding -> Bool,
        escalated_at -> Nullable<BigInt>,
        closing_reason -> Nullable<Text>,
        deadline -> Nullable<BigInt>,
        proposed_at -> BigInt,
        closed_at -> Nullable<BigInt>,
        version -> BigInt,
        orphaned_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    inbound_persons (transfer_id) {
        transfer_id -> BigInt,
        id_number_sealed -> Binary,
        id_number_digest -> Binary,
        phone_sealed -> Nullable<Binary>,
        phone_digest -> Nullable<Binary>,
        ethnic_group -> Nullable<Text>,
        political_status -> Nullable<Text>,
        education -> Nullable<Text>,
        joined_month -> Integer,
        development_number -> Nullable<Text>,
        open -> Bool,
    }
}

diesel::table! {
    transfer_events (transfer_id, number) {
        transfer_id -> BigInt,
        number -> BigInt,
        at -> BigInt,
        account_id -> Nullable<BigInt>,
        organization_id -> Nullable<BigInt>,
        event -> Text,
        facts -> Text,
    }
}

diesel::table! {
    memberships (id) {
        id -> BigInt,
        member_id -> BigInt,
        branch_id -> BigInt,
        since -> BigInt,
        until -> Nullable<BigInt>,
        transfer_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    inbox_entries (id) {
        id -> BigInt,
        organization_id -> BigInt,
        kind -> Text,
        subject_id -> BigInt,
        member_name -> Nullable<Text>,
        since -> BigInt,
        due_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    graduation_history (id) {
        id -> BigInt,
        branch_id -> BigInt,
        at -> BigInt,
        event -> Text,
        account_id -> Nullable<BigInt>,
        organization_id -> Nullable<BigInt>,
        automatic -> Bool,
        old_month -> Nullable<Integer>,
        old_undetermined -> Nullable<Text>,
        new_month -> Nullable<Integer>,
        new_undetermined -> Nullable<Text>,
        month_change_id -> Nullable<BigInt>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    month_changes (id) {
        id -> BigInt,
        branch_id -> BigInt,
        branch_path -> Text,
        branch_name -> Text,
        organ_id -> BigInt,
        old_month -> Integer,
        new_month -> Integer,
        reason -> Text,
        proposer_account_id -> BigInt,
        proposer_organization_id -> BigInt,
        proposed_at -> BigInt,
        state -> Text,
        decider_account_id -> Nullable<BigInt>,
        decider_organization_id -> Nullable<BigInt>,
        decided_at -> Nullable<BigInt>,
        decision_reason -> Nullable<Text>,
        version -> Integer,
    }
}

diesel::table! {
    mark_history (id) {
        id -> BigInt,
        member_id -> BigInt,
        at -> BigInt,
        account_id -> Nullable<BigInt>,
        organization_id -> Nullable<BigInt>,
        old_mark -> Nullable<Text>,
        old_month -> Nullable<Integer>,
        new_mark -> Nullable<Text>,
        new_month -> Nullable<Integer>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    cohort_members (season, member_id) {
        season -> Integer,
        member_id -> BigInt,
        branch_id -> BigInt,
        branch_path -> Text,
    }
}

diesel::table! {
    policies (season, version) {
        season -> Integer,
        version -> Integer,
        body -> Text,
        changed_at -> BigInt,
        changed_by -> Nullable<BigInt>,
    }
}

diesel::table! {
    audit_log (id) {
        id -> BigInt,
        at -> BigInt,
        capacity -> Text,
        account_id -> Nullable<BigInt>,
        organization_id -> Nullable<BigInt>,
        action -> Text,
        subject -> Nullable<Text>,
        request_id -> Text,
        scope_path -> Nullable<Text>,
        on_behalf_of -> Nullable<BigInt>,
        outcome -> Text,
        code -> Nullable<Text>,
        times -> BigInt,
        sequence -> Nullable<BigInt>,
        hash -> Nullable<Binary>,
        subject_key -> Nullable<BigInt>,
    }
}

diesel::table! {
    database_identity (id) {
        id -> Text,
    }
}

diesel::table! {
    audit_cuts (sequence) {
        sequence -> BigInt,
        hash -> Binary,
        at -> BigInt,
    }
}

diesel::table! {
    look_ups (id) {
        id -> BigInt,
        at -> BigInt,
        account_id -> BigInt,
        organization_id -> BigInt,
        member_id -> Nullable<BigInt>,
        kind -> Text,
        fields -> Nullable<Text>,
        purpose -> Nullable<Text>,
    }
}

diesel::table! {
    budgets (name, span) {
        name -> Text,
        span -> BigInt,
        used -> BigInt,
    }
}

diesel::table! {
    idempotency_keys (actor, key) {
        actor -> Text,
        key -> Text,
        fingerprint -> Binary,
        status -> Integer,
        location -> Nullable<Text>,
        etag -> Nullable<Text>,
        body -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    job_leases (name) {
        name -> Text,
        holder -> Text,
        until -> BigInt,
    }
}

diesel::table! {
    job_runs (id) {
        id -> BigInt,
        name -> Text,
        at -> BigInt,
        started_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        processed -> BigInt,
        failed -> BigInt,
        problem -> Nullable<Text>,
    }
}

diesel::joinable!(organization_terms -> organizations (organization_id));
diesel::joinable!(members -> organizations (branch_id));
diesel::joinable!(integrator_secrets -> integrators (account_id));
diesel::joinable!(integrators -> accounts (account_id));
diesel::joinable!(integrators -> organizations (organization_id));
diesel::joinable!(appointments -> organizations (organization_id));
diesel::allow_tables_to_appear_in_same_query!(
    organizations,
    organization_names,
    organization_terms,
    members,
    member_changes,
    accounts,
    integrator_secrets,
    integrators,
    appointments,
    appointment_requests,
    reset_codes,
    reset_code_requests,
    account_blocks,
    sessions,
    attempts,
    wechat_bindings,
    certifications,
    transfers,
    inbound_persons,
    transfer_events,
    memberships,
    inbox_entries,
    graduation_history,
    month_changes,
    mark_history,
    cohort_members,
    policies,
    audit_log,
    database_identity,
    audit_cuts,
    look_ups,
    budgets,
    idempotency_keys,
    job_leases,
    job_runs,
);
